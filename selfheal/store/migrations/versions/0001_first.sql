-- Frozen: what revision 0001 creates. Later changes are later revisions.

CREATE SEQUENCE fencing_tokens START WITH 1;

CREATE TABLE api_tokens (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_tokens PRIMARY KEY (id),
    CONSTRAINT ck_api_tokens_role_known CHECK (role IN ('reader', 'submitter', 'operator'))
);
CREATE UNIQUE INDEX one_good_token_per_name ON api_tokens (name) WHERE revoked_at IS NULL;
COMMENT ON COLUMN api_tokens.id IS 'the part of a token that names its row';
COMMENT ON COLUMN api_tokens.name IS 'whose it is';
COMMENT ON COLUMN api_tokens.digest IS 'sha256 of the whole token, in hex';
COMMENT ON COLUMN api_tokens.created_at IS 'when it was made';
COMMENT ON COLUMN api_tokens.revoked_at IS 'when it ceased to be good';

CREATE TABLE baselines (
    key TEXT NOT NULL,
    repo TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    document JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_baselines PRIMARY KEY (key)
);
COMMENT ON COLUMN baselines.key IS 'sha256 of repo, sha, environment, command';
COMMENT ON COLUMN baselines.document IS 'outcome of every test at that commit';
COMMENT ON COLUMN baselines.created_at IS 'when it was measured';

CREATE TABLE blobs (
    kind TEXT NOT NULL,
    blob TEXT NOT NULL,
    data BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_blobs PRIMARY KEY (kind, blob)
);
CREATE INDEX ix_blobs_used_at ON blobs (used_at);
COMMENT ON COLUMN blobs.kind IS 'what was derived, and by which version';
COMMENT ON COLUMN blobs.blob IS 'id that git gives the content of the file';
COMMENT ON COLUMN blobs.data IS 'compressed; a cache of what anyone derives';
COMMENT ON COLUMN blobs.used_at IS 'when it was written or last asked for, to the day';

CREATE TABLE change_requests (
    id UUID NOT NULL,
    document JSONB NOT NULL,
    repo TEXT NOT NULL,
    branch TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    folded_into UUID,
    repeats INTEGER DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    source TEXT NOT NULL,
    submitted_by TEXT,
    base_commit_sha TEXT,
    sandbox TEXT,
    evidence JSONB,
    report JSONB,
    reason TEXT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    cancel_requested_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    trimmed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_change_requests PRIMARY KEY (id),
    CONSTRAINT ck_change_requests_state_known CHECK (state IN ('RECEIVED', 'PLANNING', 'PLANNED', 'CODE_PLANNING', 'CODING', 'LANDING', 'BUILD1', 'PAUSED', 'DONE', 'PARTIAL', 'FAILED', 'CANCELLED')),
    CONSTRAINT ck_change_requests_source_known CHECK (source IN ('client', 'django', 'flask', 'cli', 'api', 'schedule', 'ci')),
    CONSTRAINT ck_change_requests_priority_range CHECK (priority BETWEEN 0 AND 9),
    CONSTRAINT ck_change_requests_ended_when_in_end_state CHECK ((ended_at IS NOT NULL) = (state IN ('DONE', 'PARTIAL', 'FAILED', 'CANCELLED'))),
    CONSTRAINT ck_change_requests_end_has_reason CHECK (ended_at IS NULL OR reason IS NOT NULL),
    CONSTRAINT fk_change_requests_folded_into FOREIGN KEY(folded_into) REFERENCES change_requests (id)
);
CREATE INDEX ix_untrimmed_requests ON change_requests (ended_at) WHERE trimmed_at IS NULL;
CREATE INDEX ix_open_requests ON change_requests (received_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_open_request_per_failure ON change_requests (fingerprint) WHERE ended_at IS NULL;
COMMENT ON COLUMN change_requests.id IS 'made by the client: the idempotency key';
COMMENT ON COLUMN change_requests.document IS 'the ChangeRequest (CON-1)';
COMMENT ON COLUMN change_requests.repo IS 'URL or path';
COMMENT ON COLUMN change_requests.fingerprint IS 'equal for repeats of one failure';
COMMENT ON COLUMN change_requests.folded_into IS 'the open request';
COMMENT ON COLUMN change_requests.repeats IS 'folded into this one';
COMMENT ON COLUMN change_requests.priority IS '0 to 9, 9 most urgent';
COMMENT ON COLUMN change_requests.submitted_by IS 'name of its API token; null: by another door';
COMMENT ON COLUMN change_requests.base_commit_sha IS 'what `branch` was when planning began';
COMMENT ON COLUMN change_requests.sandbox IS 'which sandbox ran the repository''s code';
COMMENT ON COLUMN change_requests.evidence IS 'the suite at base (SuiteEvidence)';
COMMENT ON COLUMN change_requests.report IS 'the RunReport (CON-7), once it has ended';
COMMENT ON COLUMN change_requests.reason IS 'why it ended as it did';
COMMENT ON COLUMN change_requests.received_at IS 'when its row was committed: accepted';
COMMENT ON COLUMN change_requests.cancel_requested_at IS 'somebody wants it to end';
COMMENT ON COLUMN change_requests.ended_at IS 'when it reached an end state';
COMMENT ON COLUMN change_requests.trimmed_at IS 'when retention took its plans; null: they are here';

CREATE TABLE dead_letters (
    id UUID NOT NULL,
    queue TEXT NOT NULL,
    task_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    headers JSONB NOT NULL,
    content_type TEXT NOT NULL,
    content_encoding TEXT NOT NULL,
    body TEXT NOT NULL,
    complete BOOLEAN NOT NULL,
    times INTEGER DEFAULT '1' NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    requeued_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_dead_letters PRIMARY KEY (id)
);
CREATE INDEX ix_dead_letters_open ON dead_letters (last_at) WHERE requeued_at IS NULL;
COMMENT ON COLUMN dead_letters.id IS 'uuid5 of what came: repeats are one row';
COMMENT ON COLUMN dead_letters.queue IS 'where it waited';
COMMENT ON COLUMN dead_letters.task_name IS 'what its header says; empty: nothing';
COMMENT ON COLUMN dead_letters.reason IS 'why no worker could take it';
COMMENT ON COLUMN dead_letters.headers IS 'redacted, and cut to a bound';
COMMENT ON COLUMN dead_letters.body IS 'redacted, and cut to a bound';
COMMENT ON COLUMN dead_letters.complete IS 'nothing was redacted or cut';
COMMENT ON COLUMN dead_letters.times IS 'how often it came';
COMMENT ON COLUMN dead_letters.first_at IS 'when it came first';
COMMENT ON COLUMN dead_letters.last_at IS 'when it came last';
COMMENT ON COLUMN dead_letters.requeued_at IS 'when it was sent to its queue again';

CREATE TABLE leases (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    repo TEXT NOT NULL,
    branch TEXT NOT NULL,
    fq_name TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    file_path TEXT NOT NULL,
    mode TEXT NOT NULL,
    plan_id UUID NOT NULL,
    token BIGINT DEFAULT nextval('fencing_tokens') NOT NULL,
    state TEXT DEFAULT 'held' NOT NULL,
    claimed_sha TEXT,
    reserved_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_leases PRIMARY KEY (id),
    CONSTRAINT ck_leases_mode_known CHECK (mode IN ('exclusive', 'shared')),
    CONSTRAINT ck_leases_state_known CHECK (state IN ('held', 'claimed', 'released', 'expired')),
    CONSTRAINT ck_leases_ended_when_not_held CHECK ((state = 'held') = (ended_at IS NULL)),
    CONSTRAINT ck_leases_claim_has_commit CHECK ((state = 'claimed') = (claimed_sha IS NOT NULL))
);
CREATE INDEX ix_held_leases ON leases (repo, branch, fq_name) WHERE state = 'held';
CREATE INDEX ix_leases_of_plan ON leases (plan_id);
CREATE UNIQUE INDEX one_exclusive_holder ON leases (repo, branch, fq_name) WHERE state = 'held' AND mode = 'exclusive';
COMMENT ON COLUMN leases.fq_name IS 'dotted; covers every name below it';
COMMENT ON COLUMN leases.kind IS 'module, class, function, method, variable';
COMMENT ON COLUMN leases.file_path IS 'relative to the repository';
COMMENT ON COLUMN leases.plan_id IS 'the holder';
COMMENT ON COLUMN leases.token IS 'fencing token: every later holder has a greater one';
COMMENT ON COLUMN leases.claimed_sha IS 'the commit that used it';
COMMENT ON COLUMN leases.reserved_at IS 'when it was reserved';
COMMENT ON COLUMN leases.expires_at IS 'when it lapses unless renewed';
COMMENT ON COLUMN leases.ended_at IS 'when it was claimed, released or expired';

CREATE TABLE commit_metrics (
    repo TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    name TEXT NOT NULL,
    value FLOAT NOT NULL,
    unit TEXT NOT NULL,
    higher_is_better BOOLEAN NOT NULL,
    summary TEXT NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_commit_metrics PRIMARY KEY (repo, commit_sha, name)
);
CREATE INDEX ix_commit_metrics_best ON commit_metrics (repo, name);
COMMENT ON COLUMN commit_metrics.name IS 'of the figure';
COMMENT ON COLUMN commit_metrics.summary IS 'what the figure means, in words';
COMMENT ON COLUMN commit_metrics.measured_at IS 'when it was last measured';

CREATE TABLE repositories (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    branch TEXT NOT NULL,
    test_command TEXT,
    scanned_sha TEXT,
    failing TEXT[],
    scanned_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT pk_repositories PRIMARY KEY (id),
    CONSTRAINT uq_repositories_url_branch UNIQUE (url, branch),
    CONSTRAINT ck_repositories_scanned_as_a_whole CHECK ((scanned_sha IS NULL) = (failing IS NULL) AND (failing IS NULL) = (scanned_at IS NULL)),
    CONSTRAINT uq_repositories_name UNIQUE (name)
);
COMMENT ON COLUMN repositories.name IS 'what people call it';
COMMENT ON COLUMN repositories.url IS 'URL or absolute path';
COMMENT ON COLUMN repositories.branch IS 'whose head is scanned';
COMMENT ON COLUMN repositories.test_command IS 'null: the repository''s own';
COMMENT ON COLUMN repositories.scanned_sha IS 'the head that was last scanned';
COMMENT ON COLUMN repositories.failing IS 'what failed there; null before the first scan';
COMMENT ON COLUMN repositories.scanned_at IS 'when it was last scanned';
COMMENT ON COLUMN repositories.created_at IS 'when it was registered';

CREATE TABLE attempts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    work TEXT NOT NULL,
    subject_id UUID NOT NULL,
    request_id UUID NOT NULL,
    number INTEGER NOT NULL,
    token BIGINT DEFAULT nextval('fencing_tokens') NOT NULL,
    worker TEXT NOT NULL,
    message_id UUID,
    stage TEXT DEFAULT 'begun' NOT NULL,
    checkpoint JSONB DEFAULT '{}' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    heartbeat_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ending TEXT,
    note TEXT,
    CONSTRAINT pk_attempts PRIMARY KEY (id),
    CONSTRAINT uq_attempts_work_subject_id_number UNIQUE (work, subject_id, number),
    CONSTRAINT ck_attempts_ending_known CHECK (ending IN ('accepted', 'lost', 'stopped', 'failed')),
    CONSTRAINT ck_attempts_ending_when_ended CHECK ((ending IS NULL) = (ended_at IS NULL)),
    CONSTRAINT fk_attempts_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id),
    CONSTRAINT uq_attempts_token UNIQUE (token)
);
CREATE INDEX ix_live_attempts ON attempts (request_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_standing_attempt ON attempts (work, subject_id) WHERE ended_at IS NULL OR ending = 'accepted';
COMMENT ON COLUMN attempts.work IS 'task name: what is being done';
COMMENT ON COLUMN attempts.subject_id IS 'plan, CodingTask or round it is done to';
COMMENT ON COLUMN attempts.number IS '1.. per work and subject';
COMMENT ON COLUMN attempts.token IS 'fencing token';
COMMENT ON COLUMN attempts.worker IS 'host:pid';
COMMENT ON COLUMN attempts.message_id IS 'the message that began it';
COMMENT ON COLUMN attempts.stage IS 'last one reached';
COMMENT ON COLUMN attempts.checkpoint IS 'what a takeover resumes from';
COMMENT ON COLUMN attempts.started_at IS 'when it began';
COMMENT ON COLUMN attempts.heartbeat_at IS 'last sign of life';
COMMENT ON COLUMN attempts.ended_at IS 'when it ended, however';
COMMENT ON COLUMN attempts.note IS 'why it ended';

CREATE TABLE budgets (
    request_id UUID NOT NULL,
    seconds_cap FLOAT,
    seconds_used FLOAT DEFAULT '0' NOT NULL,
    tokens_cap FLOAT,
    tokens_used FLOAT DEFAULT '0' NOT NULL,
    usd_cap FLOAT,
    usd_used FLOAT DEFAULT '0' NOT NULL,
    CONSTRAINT pk_budgets PRIMARY KEY (request_id),
    CONSTRAINT fk_budgets_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id)
);
COMMENT ON TABLE budgets IS 'what is reserved counts as used until it is settled';
COMMENT ON COLUMN budgets.seconds_cap IS 'seconds of work; null: no cap';
COMMENT ON COLUMN budgets.tokens_cap IS 'model tokens, in and out; null: no cap';
COMMENT ON COLUMN budgets.usd_cap IS 'US dollars; null: no cap';

CREATE TABLE decompositions (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    document JSONB,
    planner TEXT,
    base_commit_sha TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_decompositions PRIMARY KEY (id),
    CONSTRAINT uq_decompositions_request_id UNIQUE (request_id),
    CONSTRAINT fk_decompositions_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id)
);
COMMENT ON COLUMN decompositions.id IS 'uuid5 of the request';
COMMENT ON COLUMN decompositions.document IS 'the PlanResponse (CON-8), once made';
COMMENT ON COLUMN decompositions.planner IS 'a model''s name, or the rules';
COMMENT ON COLUMN decompositions.base_commit_sha IS 'what `branch` was when it was made';
COMMENT ON COLUMN decompositions.created_at IS 'when it was asked for';

CREATE TABLE events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    request_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    old_state TEXT,
    new_state TEXT,
    task_id UUID,
    token BIGINT,
    why TEXT NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (id),
    CONSTRAINT ck_events_kind_known CHECK (kind IN ('state', 'task', 'attempt', 'lease', 'land', 'note')),
    CONSTRAINT fk_events_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id)
);
CREATE INDEX ix_events_request_id ON events (request_id);
CREATE INDEX ix_events_at ON events USING brin (at);
COMMENT ON TABLE events IS 'append-only: a trigger refuses updates';
COMMENT ON COLUMN events.at IS 'when it happened';
COMMENT ON COLUMN events.who IS 'worker, sweeper, cli, client ...';
COMMENT ON COLUMN events.old_state IS 'for kind state';
COMMENT ON COLUMN events.new_state IS 'for kind state';
COMMENT ON COLUMN events.task_id IS 'the CodingTask it is about, if any';
COMMENT ON COLUMN events.token IS 'fencing token of the attempt, if any';

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    message_id UUID NOT NULL,
    task_name TEXT NOT NULL,
    pool TEXT NOT NULL,
    subject_id UUID NOT NULL,
    request_id UUID,
    repo TEXT NOT NULL,
    urgency INTEGER DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE,
    sent_at TIMESTAMP WITH TIME ZONE,
    sends INTEGER DEFAULT '0' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT ck_outbox_pool_known CHECK (pool IN ('intake', 'planning', 'retrieval', 'coding', 'checking', 'landing', 'executing', 'guarding', 'sweeping')),
    CONSTRAINT uq_outbox_message_id UNIQUE (message_id),
    CONSTRAINT fk_outbox_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id)
);
CREATE INDEX ix_outbox_received_at ON outbox USING brin (received_at);
CREATE INDEX ix_outbox_of_request ON outbox (request_id);
CREATE INDEX ix_outbox_open ON outbox (pool) WHERE received_at IS NULL;
CREATE INDEX ix_outbox_unsent ON outbox (pool, repo, urgency DESC, id) WHERE sent_at IS NULL AND received_at IS NULL;
COMMENT ON COLUMN outbox.message_id IS 'becomes the Celery task id';
COMMENT ON COLUMN outbox.pool IS 'the queue it goes to';
COMMENT ON COLUMN outbox.subject_id IS 'its only argument';
COMMENT ON COLUMN outbox.request_id IS 'null: for a schedule, not for a request';
COMMENT ON COLUMN outbox.repo IS 'whose turn it is; empty: the farm''s own';
COMMENT ON COLUMN outbox.urgency IS 'larger is sent first';
COMMENT ON COLUMN outbox.created_at IS 'when it became true that this must be sent';
COMMENT ON COLUMN outbox.not_before IS 'when it may be sent';
COMMENT ON COLUMN outbox.claimed_until IS 'a sender is at it until then';
COMMENT ON COLUMN outbox.sent_at IS 'when the broker last took it';
COMMENT ON COLUMN outbox.received_at IS 'when a worker began it: it needs no more sending';

CREATE TABLE plans (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    number INTEGER NOT NULL,
    base_commit_sha TEXT,
    document JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_plans PRIMARY KEY (id),
    CONSTRAINT uq_plans_request_id_number UNIQUE (request_id, number),
    CONSTRAINT fk_plans_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id)
);
COMMENT ON COLUMN plans.id IS 'uuid5 of request and number';
COMMENT ON COLUMN plans.number IS '1, then one more per leftover of a round';
COMMENT ON COLUMN plans.base_commit_sha IS 'null until planning has resolved it';
COMMENT ON COLUMN plans.document IS 'the Plan (CON-2), once made';
COMMENT ON COLUMN plans.created_at IS 'when it was asked for';

CREATE TABLE schedules (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    name TEXT NOT NULL,
    job TEXT NOT NULL,
    repository_id UUID,
    goal TEXT,
    crontab TEXT,
    timezone TEXT,
    interval_seconds INTEGER,
    jitter_seconds INTEGER DEFAULT '0' NOT NULL,
    misfire TEXT NOT NULL,
    window_seconds INTEGER DEFAULT '60' NOT NULL,
    paused_at TIMESTAMP WITH TIME ZONE,
    next_run TIMESTAMP WITH TIME ZONE NOT NULL,
    fires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_run TIMESTAMP WITH TIME ZONE,
    last_message_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_by TEXT NOT NULL,
    CONSTRAINT pk_schedules PRIMARY KEY (id),
    CONSTRAINT ck_schedules_job_known CHECK (job IN ('evolve', 'prune', 'refresh', 'retention', 'scan', 'sweep')),
    CONSTRAINT ck_schedules_misfire_known CHECK (misfire IN ('skip', 'once')),
    CONSTRAINT ck_schedules_one_timing CHECK ((crontab IS NULL) <> (interval_seconds IS NULL)),
    CONSTRAINT ck_schedules_crontab_has_zone CHECK ((crontab IS NULL) = (timezone IS NULL)),
    CONSTRAINT ck_schedules_interval_range CHECK (interval_seconds BETWEEN 1 AND 31622400),
    CONSTRAINT ck_schedules_jitter_range CHECK (jitter_seconds BETWEEN 0 AND 3600),
    CONSTRAINT ck_schedules_window_range CHECK (window_seconds BETWEEN 1 AND 86400),
    CONSTRAINT ck_schedules_fires_not_early CHECK (fires_at >= next_run),
    CONSTRAINT ck_schedules_job_has_its_subject CHECK ((job IN ('evolve', 'refresh', 'scan')) = (repository_id IS NOT NULL)),
    CONSTRAINT ck_schedules_only_evolve_has_goal CHECK (goal IS NULL OR job = 'evolve'),
    CONSTRAINT uq_schedules_name UNIQUE (name),
    CONSTRAINT fk_schedules_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id)
);
CREATE INDEX ix_schedules_due ON schedules (fires_at) WHERE paused_at IS NULL;
CREATE INDEX ix_schedules_repository_id ON schedules (repository_id);
COMMENT ON COLUMN schedules.name IS 'what people call it';
COMMENT ON COLUMN schedules.job IS 'what is done';
COMMENT ON COLUMN schedules.repository_id IS 'what it is done to; null: to the farm';
COMMENT ON COLUMN schedules.goal IS 'what an evolve job is for; null: the goal for all';
COMMENT ON COLUMN schedules.crontab IS 'five fields; or else an interval';
COMMENT ON COLUMN schedules.timezone IS 'IANA name of the crontab''s zone';
COMMENT ON COLUMN schedules.interval_seconds IS 'or else a crontab';
COMMENT ON COLUMN schedules.jitter_seconds IS 'at most so late';
COMMENT ON COLUMN schedules.misfire IS 'what becomes of runs that nobody fired';
COMMENT ON COLUMN schedules.window_seconds IS 'a run that is late by more has been missed';
COMMENT ON COLUMN schedules.paused_at IS 'null: it runs';
COMMENT ON COLUMN schedules.next_run IS 'names the next firing';
COMMENT ON COLUMN schedules.fires_at IS 'next_run and its jitter';
COMMENT ON COLUMN schedules.last_run IS 'the run that was last fired';
COMMENT ON COLUMN schedules.last_message_id IS 'the message that was sent for it';
COMMENT ON COLUMN schedules.created_at IS 'when it was made';
COMMENT ON COLUMN schedules.updated_at IS 'when somebody last changed it';

CREATE TABLE bundles (
    plan_id UUID NOT NULL,
    document JSONB NOT NULL,
    force_sequential BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_bundles PRIMARY KEY (plan_id),
    CONSTRAINT fk_bundles_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id)
);
COMMENT ON COLUMN bundles.document IS 'the TaskBundle (CON-5)';
COMMENT ON COLUMN bundles.created_at IS 'when it was made';

CREATE TABLE code_plan_figures (
    plan_id UUID NOT NULL,
    trivial INTEGER NOT NULL,
    moderate INTEGER NOT NULL,
    complex INTEGER NOT NULL,
    docs INTEGER NOT NULL,
    read_seconds FLOAT NOT NULL,
    files_hits INTEGER NOT NULL,
    files_misses INTEGER NOT NULL,
    graphs_hits INTEGER NOT NULL,
    graphs_misses INTEGER NOT NULL,
    CONSTRAINT pk_code_plan_figures PRIMARY KEY (plan_id),
    CONSTRAINT fk_code_plan_figures_plan_id FOREIGN KEY(plan_id) REFERENCES bundles (plan_id)
);
COMMENT ON COLUMN code_plan_figures.trivial IS 'CodingTasks by their label';
COMMENT ON COLUMN code_plan_figures.docs IS 'chunks that its tasks are to read';
COMMENT ON COLUMN code_plan_figures.read_seconds IS 'for the facts of files';
COMMENT ON COLUMN code_plan_figures.files_hits IS 'of files, what was known';
COMMENT ON COLUMN code_plan_figures.files_misses IS 'of files, what was read for it';
COMMENT ON COLUMN code_plan_figures.graphs_hits IS 'graphs that were linked before';
COMMENT ON COLUMN code_plan_figures.graphs_misses IS 'graphs that were linked for it';

CREATE TABLE firings (
    message_id UUID NOT NULL,
    schedule_id UUID NOT NULL,
    run TIMESTAMP WITH TIME ZONE NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    deaths INTEGER DEFAULT '0' NOT NULL,
    worker TEXT,
    fired_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    heartbeat_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    note TEXT,
    CONSTRAINT pk_firings PRIMARY KEY (message_id),
    CONSTRAINT uq_firings_schedule_id_run UNIQUE (schedule_id, run),
    CONSTRAINT ck_firings_cause_known CHECK (cause IN ('due', 'late', 'asked')),
    CONSTRAINT ck_firings_state_known CHECK (state IN ('sent', 'running', 'done', 'failed', 'lost', 'skipped')),
    CONSTRAINT ck_firings_ended_when_in_end_state CHECK ((ended_at IS NULL) = (state IN ('sent', 'running'))),
    CONSTRAINT ck_firings_running_has_heartbeat CHECK ((state = 'running') <= (heartbeat_at IS NOT NULL)),
    CONSTRAINT fk_firings_schedule_id FOREIGN KEY(schedule_id) REFERENCES schedules (id)
);
CREATE INDEX ix_firings_ended ON firings (ended_at);
CREATE UNIQUE INDEX one_open_firing ON firings (schedule_id) WHERE ended_at IS NULL;
COMMENT ON COLUMN firings.message_id IS 'uuid5 of schedule and run';
COMMENT ON COLUMN firings.run IS 'the moment it was due';
COMMENT ON COLUMN firings.tries IS 'its fencing token';
COMMENT ON COLUMN firings.deaths IS 'workers that died at it';
COMMENT ON COLUMN firings.worker IS 'host:pid, once begun';
COMMENT ON COLUMN firings.fired_at IS 'when a beat fired or skipped it';
COMMENT ON COLUMN firings.heartbeat_at IS 'last sign of life of its worker';
COMMENT ON COLUMN firings.ended_at IS 'when it ended, however';
COMMENT ON COLUMN firings.note IS 'what came of it';

CREATE TABLE rounds (
    id UUID NOT NULL,
    plan_id UUID NOT NULL,
    number INTEGER NOT NULL,
    size INTEGER NOT NULL,
    landed_sha TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_rounds PRIMARY KEY (id),
    CONSTRAINT uq_rounds_plan_id_number UNIQUE (plan_id, number),
    CONSTRAINT ck_rounds_size_positive CHECK (size > 0),
    CONSTRAINT fk_rounds_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id)
);
COMMENT ON COLUMN rounds.id IS 'the chord''s group id, frozen before any send';
COMMENT ON COLUMN rounds.number IS '1, then one per rerun or send-back';
COMMENT ON COLUMN rounds.size IS 'CodingTasks in the header';
COMMENT ON COLUMN rounds.landed_sha IS 'what its green commits were merged to';
COMMENT ON COLUMN rounds.created_at IS 'when its header was released';

CREATE TABLE steps (
    plan_id UUID NOT NULL,
    step_order INTEGER NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    goal TEXT NOT NULL,
    depends_on INTEGER[] NOT NULL,
    CONSTRAINT pk_steps PRIMARY KEY (plan_id, step_order),
    CONSTRAINT fk_steps_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id)
);
COMMENT ON COLUMN steps.step_order IS '1..n';
COMMENT ON COLUMN steps.depends_on IS 'earlier orders';

CREATE TABLE subtasks (
    id UUID NOT NULL,
    decomposition_id UUID NOT NULL,
    request_id UUID NOT NULL,
    step INTEGER NOT NULL,
    arm TEXT NOT NULL,
    pool TEXT NOT NULL,
    document JSONB NOT NULL,
    needs INTEGER[] NOT NULL,
    waiting_on INTEGER NOT NULL,
    state TEXT NOT NULL,
    child_id UUID,
    result JSONB,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_subtasks PRIMARY KEY (id),
    CONSTRAINT uq_subtasks_decomposition_id_step UNIQUE (decomposition_id, step),
    CONSTRAINT ck_subtasks_arm_known CHECK (arm IN ('planner', 'retriever', 'coder', 'executor', 'judge', 'guardian')),
    CONSTRAINT ck_subtasks_pool_known CHECK (pool IN ('intake', 'planning', 'retrieval', 'coding', 'checking', 'landing', 'executing', 'guarding', 'sweeping')),
    CONSTRAINT ck_subtasks_state_known CHECK (state IN ('waiting', 'ready', 'settled')),
    CONSTRAINT ck_subtasks_waiting_on_positive CHECK (waiting_on >= 0),
    CONSTRAINT ck_subtasks_settled_as_a_whole CHECK ((state = 'settled') = (settled_at IS NOT NULL) AND (state = 'settled') = (result IS NOT NULL)),
    CONSTRAINT fk_subtasks_decomposition_id FOREIGN KEY(decomposition_id) REFERENCES decompositions (id),
    CONSTRAINT fk_subtasks_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id),
    CONSTRAINT uq_subtasks_child_id UNIQUE (child_id),
    CONSTRAINT fk_subtasks_child_id FOREIGN KEY(child_id) REFERENCES change_requests (id)
);
CREATE INDEX ix_subtasks_request_id ON subtasks (request_id);
COMMENT ON COLUMN subtasks.id IS 'uuid5 of the decomposition and the step';
COMMENT ON COLUMN subtasks.step IS 'its number in the plan';
COMMENT ON COLUMN subtasks.pool IS 'of the arm, by the roster of that moment';
COMMENT ON COLUMN subtasks.document IS 'the SubTask (CON-8)';
COMMENT ON COLUMN subtasks.needs IS 'steps that must have succeeded';
COMMENT ON COLUMN subtasks.waiting_on IS 'needed steps not yet settled';
COMMENT ON COLUMN subtasks.child_id IS 'the ChangeRequest that a coder''s step runs as';
COMMENT ON COLUMN subtasks.result IS 'the SubTaskResult, once it is settled';
COMMENT ON COLUMN subtasks.settled_at IS 'when its result was accepted';

CREATE TABLE coding_tasks (
    id UUID NOT NULL,
    round_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    request_id UUID NOT NULL,
    rerun_of UUID,
    position INTEGER NOT NULL,
    step_number INTEGER NOT NULL,
    document JSONB NOT NULL,
    waiting_on INTEGER NOT NULL,
    depth_below INTEGER NOT NULL,
    state TEXT NOT NULL,
    base_commit_sha TEXT,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_coding_tasks PRIMARY KEY (id),
    CONSTRAINT ck_coding_tasks_state_known CHECK (state IN ('waiting', 'ready', 'settled')),
    CONSTRAINT ck_coding_tasks_waiting_on_positive CHECK (waiting_on >= 0),
    CONSTRAINT ck_coding_tasks_settled_has_time CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT fk_coding_tasks_round_id FOREIGN KEY(round_id) REFERENCES rounds (id),
    CONSTRAINT fk_coding_tasks_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id),
    CONSTRAINT fk_coding_tasks_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id),
    CONSTRAINT fk_coding_tasks_rerun_of FOREIGN KEY(rerun_of) REFERENCES coding_tasks (id)
);
CREATE INDEX ix_coding_tasks_round_id ON coding_tasks (round_id);
COMMENT ON COLUMN coding_tasks.rerun_of IS 'the task this one repeats';
COMMENT ON COLUMN coding_tasks.position IS '0.. in the round: its part''s index';
COMMENT ON COLUMN coding_tasks.document IS 'the CodingTask (CON-4)';
COMMENT ON COLUMN coding_tasks.waiting_on IS 'parents not yet settled';
COMMENT ON COLUMN coding_tasks.depth_below IS 'longest way to a leaf, in tenths of a trivial task';
COMMENT ON COLUMN coding_tasks.base_commit_sha IS 'merge of the parents'' commits (CA-2)';
COMMENT ON COLUMN coding_tasks.settled_at IS 'when its result was accepted';

CREATE TABLE commit_results (
    task_id UUID NOT NULL,
    token BIGINT,
    status TEXT NOT NULL,
    commit_sha TEXT DEFAULT '' NOT NULL,
    document JSONB NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_commit_results PRIMARY KEY (task_id),
    CONSTRAINT ck_commit_results_status_known CHECK (status IN ('SUCCESS', 'SOFT_FAIL', 'HARD_FAIL')),
    CONSTRAINT fk_commit_results_task_id FOREIGN KEY(task_id) REFERENCES coding_tasks (id)
);
COMMENT ON COLUMN commit_results.task_id IS 'one accepted result per task';
COMMENT ON COLUMN commit_results.token IS 'of the attempt that was accepted; null: never ran';
COMMENT ON COLUMN commit_results.document IS 'the CommitResult (CON-6)';
COMMENT ON COLUMN commit_results.accepted_at IS 'when it was accepted';

CREATE TABLE task_edges (
    parent_id UUID NOT NULL,
    child_id UUID NOT NULL,
    kind TEXT NOT NULL,
    CONSTRAINT pk_task_edges PRIMARY KEY (parent_id, child_id),
    CONSTRAINT ck_task_edges_no_self_edge CHECK (parent_id <> child_id),
    CONSTRAINT ck_task_edges_kind_known CHECK (kind IN ('needs', 'order')),
    CONSTRAINT fk_task_edges_parent_id FOREIGN KEY(parent_id) REFERENCES coding_tasks (id),
    CONSTRAINT fk_task_edges_child_id FOREIGN KEY(child_id) REFERENCES coding_tasks (id)
);
CREATE INDEX ix_task_edges_child_id ON task_edges (child_id);
COMMENT ON COLUMN task_edges.kind IS 'needs: runs only on success; order: after it';

CREATE TABLE llm_providers (
    name TEXT NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    open_until TIMESTAMP WITH TIME ZONE,
    paused_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_llm_providers PRIMARY KEY (name)
);
COMMENT ON TABLE llm_providers IS 'locked while a call is admitted: what racing workers count stays true';
COMMENT ON COLUMN llm_providers.failures IS 'calls in a row';
COMMENT ON COLUMN llm_providers.open_until IS 'its circuit is open until then; after it one call at a time tries it';
COMMENT ON COLUMN llm_providers.paused_until IS 'it said when it wants to be asked again';

CREATE TABLE llm_calls (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    question_id UUID NOT NULL,
    number INTEGER NOT NULL,
    request_id UUID,
    attempt_id UUID,
    purpose TEXT NOT NULL,
    prompt TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    digest TEXT NOT NULL,
    estimated_tokens INTEGER NOT NULL,
    reserved_tokens BIGINT NOT NULL,
    reserved_usd FLOAT NOT NULL,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    usd FLOAT,
    begun_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    seconds FLOAT,
    outcome TEXT,
    detail TEXT,
    messages JSONB,
    answer TEXT,
    reusable BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT pk_llm_calls PRIMARY KEY (id),
    CONSTRAINT ck_llm_calls_outcome_known CHECK (outcome IN ('answered', 'cached', 'refusal', 'cut', 'empty', 'busy', 'failed', 'denied', 'not_found', 'not_offered', 'bad_request', 'too_long', 'garbled', 'unreachable', 'dropped', 'broken_off', 'slow', 'late', 'stopped')),
    CONSTRAINT ck_llm_calls_ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT ck_llm_calls_reusable_is_answered CHECK (NOT reusable OR outcome = 'answered'),
    CONSTRAINT fk_llm_calls_request_id FOREIGN KEY(request_id) REFERENCES change_requests (id)
);
CREATE INDEX ix_llm_calls_begun_at ON llm_calls USING brin (begun_at);
CREATE INDEX ix_llm_calls_of_model ON llm_calls (model, id);
CREATE INDEX ix_llm_calls_of_provider ON llm_calls (provider, begun_at);
CREATE INDEX ix_llm_calls_of_request ON llm_calls (request_id);
CREATE INDEX ix_llm_calls_open ON llm_calls (provider) WHERE ended_at IS NULL;
CREATE INDEX ix_llm_calls_texts ON llm_calls (begun_at) WHERE messages IS NOT NULL OR answer IS NOT NULL;
CREATE INDEX ix_llm_calls_reusable ON llm_calls (digest) WHERE reusable;
COMMENT ON COLUMN llm_calls.question_id IS 'the same for a question''s retries';
COMMENT ON COLUMN llm_calls.number IS '1.. among a question''s calls';
COMMENT ON COLUMN llm_calls.request_id IS 'null: nobody''s budget';
COMMENT ON COLUMN llm_calls.attempt_id IS 'the attempt that asked, if one did';
COMMENT ON COLUMN llm_calls.purpose IS 'what the answer is for';
COMMENT ON COLUMN llm_calls.prompt IS 'prompt file and its version: plan@1';
COMMENT ON COLUMN llm_calls.digest IS 'sha256 of all that the answer depends on';
COMMENT ON COLUMN llm_calls.estimated_tokens IS 'of the prompt, uncorrected';
COMMENT ON COLUMN llm_calls.reserved_tokens IS 'the most it may take';
COMMENT ON COLUMN llm_calls.reserved_usd IS 'the most it may cost';
COMMENT ON COLUMN llm_calls.prompt_tokens IS 'null: running, or nobody knows';
COMMENT ON COLUMN llm_calls.completion_tokens IS 'null: running, or nobody knows';
COMMENT ON COLUMN llm_calls.usd IS 'what the request was charged; 0 where no price is known';
COMMENT ON COLUMN llm_calls.begun_at IS 'when it was admitted';
COMMENT ON COLUMN llm_calls.deadline_at IS 'one that runs longer has lost its worker';
COMMENT ON COLUMN llm_calls.ended_at IS 'null: running, or its worker is lost';
COMMENT ON COLUMN llm_calls.seconds IS 'from its begin to its end, as its worker saw it';
COMMENT ON COLUMN llm_calls.outcome IS 'null until it has ended';
COMMENT ON COLUMN llm_calls.detail IS 'what the endpoint said about it, redacted';
COMMENT ON COLUMN llm_calls.messages IS 'a question''s first call has its prompt, redacted';
COMMENT ON COLUMN llm_calls.answer IS 'redacted';
COMMENT ON COLUMN llm_calls.reusable IS 'equal questions may be answered by it';

-- What every farm wants; whoever changes or removes one is not overruled by a later start.
INSERT INTO schedules
    (name, job, interval_seconds, jitter_seconds, misfire, next_run, fires_at, created_by, updated_by)
SELECT name, name, seconds, jitter, misfire, now() + make_interval(secs => seconds), now() + make_interval(secs => seconds), 'selfheal', 'selfheal'
FROM (VALUES
    ('sweep', 30, 0, 'once'),
    ('retention', 3600, 300, 'once'),
    ('prune', 21600, 900, 'once')
) AS wanted (name, seconds, jitter, misfire);

CREATE VIEW backlog AS
SELECT pools.pool,
    coalesce(waiting.messages, 0) AS ready,
    coalesce(living.attempts, 0) AS running,
    coalesce(extract(epoch FROM clock_timestamp() - waiting.oldest), 0)::double precision
        AS oldest_age_seconds,
    coalesce(waiting.messages, 0) + coalesce(living.attempts, 0) AS wanted
FROM (VALUES ('intake'), ('planning'), ('retrieval'), ('coding'), ('checking'), ('landing'), ('executing'), ('guarding'), ('sweeping')) AS pools (pool)
LEFT JOIN (
    SELECT pool, count(*) AS messages, min(not_before) AS oldest
    FROM outbox WHERE received_at IS NULL AND not_before <= clock_timestamp() GROUP BY pool
) AS waiting ON waiting.pool = pools.pool
LEFT JOIN (
    SELECT outbox.pool, count(*) AS attempts
    FROM attempts JOIN outbox ON outbox.message_id = attempts.message_id
    WHERE attempts.ended_at IS NULL GROUP BY outbox.pool
) AS living ON living.pool = pools.pool;

CREATE FUNCTION refuse_event_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only';
END $$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_update();
