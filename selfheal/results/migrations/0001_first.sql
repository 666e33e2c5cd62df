-- A schema of its own, so that no table of the project around it is met by name, and the project's
-- own migrations (Alembic, Django) do not see what is not theirs.

CREATE TABLE selfheal_results.results (
    task_id TEXT COLLATE "C" PRIMARY KEY,
    status TEXT NOT NULL,
    result JSONB,
    traceback TEXT,
    children JSONB,
    name TEXT,
    args JSONB,
    kwargs JSONB,
    worker TEXT,
    queue TEXT,
    retries INTEGER,
    stamps JSONB,
    group_id TEXT,
    root_id TEXT,
    parent_id TEXT,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80);
COMMENT ON TABLE selfheal_results.results IS 'one row per task id: its newest state, its first SUCCESS for good';
COMMENT ON COLUMN selfheal_results.results.result IS 'return value, exception (exc_type, exc_message, exc_module) or progress';
COMMENT ON COLUMN selfheal_results.results.args IS 'only with result_extended';
COMMENT ON COLUMN selfheal_results.results.changed_at IS 'last write: retention counts from here';

-- No index names a column that STARTED -> SUCCESS changes, but for changed_at, whose BRIN index does
-- not count: so the row is updated in its page (HOT) and no index is written a second time.
CREATE INDEX ON selfheal_results.results USING brin (changed_at);
CREATE INDEX ON selfheal_results.results (root_id);

CREATE TABLE selfheal_results.groups (
    group_id TEXT COLLATE "C" PRIMARY KEY,
    result JSONB NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN selfheal_results.groups.result IS 'GroupResult.as_tuple()';

CREATE TABLE selfheal_results.chords (
    group_id TEXT COLLATE "C" PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'open',
    kept BOOLEAN NOT NULL DEFAULT false,
    size INTEGER,
    extra INTEGER NOT NULL DEFAULT 0,
    got INTEGER NOT NULL DEFAULT 0,
    body TEXT,
    body_task_id TEXT,
    shape JSONB,
    reason TEXT,
    claimed_by TEXT,
    claimed_until TIMESTAMPTZ,
    opened_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    changed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CHECK (state IN ('open', 'claimed', 'published', 'failed')),
    CHECK ((state = 'claimed') = (claimed_until IS NOT NULL))
) WITH (fillfactor = 50);
COMMENT ON COLUMN selfheal_results.chords.kept IS 'by the application: it writes the parts and sends the body';
COMMENT ON COLUMN selfheal_results.chords.size IS 'header tasks; null until the last one is being sent';
COMMENT ON COLUMN selfheal_results.chords.extra IS 'added by Task.add_to_chord';
COMMENT ON COLUMN selfheal_results.chords.got IS 'parts really inserted';
COMMENT ON COLUMN selfheal_results.chords.body IS 'its signature as JSON text, until it is sent';
COMMENT ON COLUMN selfheal_results.chords.shape IS 'GroupResult.as_tuple() of a header with groups in it';
COMMENT ON COLUMN selfheal_results.chords.reason IS 'why it is to fail though parts are missing';
CREATE INDEX ON selfheal_results.chords (claimed_until) WHERE state = 'claimed';

CREATE TABLE selfheal_results.chord_parts (
    group_id TEXT COLLATE "C" NOT NULL,
    task_id TEXT COLLATE "C" NOT NULL,
    idx INTEGER NOT NULL,
    state TEXT NOT NULL,
    result TEXT,
    PRIMARY KEY (group_id, task_id, idx)
);
COMMENT ON TABLE selfheal_results.chord_parts IS 'what header tasks returned, until the body is sent';
COMMENT ON COLUMN selfheal_results.chord_parts.idx IS 'place in the header; 2147483647 without one';
COMMENT ON COLUMN selfheal_results.chord_parts.result IS 'JSON text, exactly as the body gets it';
