"""Keys and tokens that give themselves away: by a prefix, or by the address they belong to."""

# One row is one provider: a table is read down its first column.
# ruff: noqa: E501

from __future__ import annotations

from typing import Final

from selfheal.redaction.pattern import BEGIN, Pattern, pattern

PROVIDER_KEYS: Final[tuple[Pattern, ...]] = (
    # models
    pattern("anthropic-key", "sk-ant-", r"\b(?P<secret>sk-ant-[\w-]{20,200})"),
    pattern(
        "openai-key",
        "sk-",
        r"\b(?=[\w-]{0,200}\d)(?P<secret>sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_]{2}[\w-]{18,200})",
    ),
    pattern("groq-key", "gsk_", r"\b(?P<secret>gsk_[A-Za-z0-9]{40,80})\b"),
    pattern("xai-key", "xai-", r"\b(?P<secret>xai-[A-Za-z0-9]{40,100})\b"),
    pattern("replicate-token", "r8_", r"\b(?P<secret>r8_[A-Za-z0-9]{37,40})\b"),
    pattern("huggingface-token", "hf_", r"\b(?P<secret>hf_[A-Za-z0-9]{30,80})"),
    # clouds
    pattern("aws-key", "akia asia", r"\b(?P<secret>(?:AKIA|ASIA)[A-Z0-9]{16})\b"),
    pattern("google-key", "aiza", r"\b(?P<secret>AIza[\w-]{35,80})"),
    pattern(
        "google-token", "ya29. gocspx-", r"\b(?P<secret>ya29\.[\w-]{20,400}|GOCSPX-[\w-]{20,60})"
    ),
    pattern(
        "gcp-key-id",
        "private_key_id",
        r"private_key_id\\?[\"'][ \t]{0,4}:[ \t]{0,4}\\?[\"'](?P<secret>[0-9a-f]{40})\b",
    ),
    pattern(
        "azure-key",
        "accountkey sharedaccesskey",
        r"\b(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,100}={0,2})",
    ),
    pattern(
        "azure-secret",
        "8q~",
        r"(?:(?<![\w~.-])|(?<=\\[nrt]))(?P<secret>[\w~.]{3}8Q~[\w~.-]{31,34})",
    ),
    pattern("digitalocean-token", "_v1_", r"\b(?P<secret>do[opr]_v1_[0-9a-f]{64})\b"),
    pattern("heroku-key", "hrku-", r"\b(?P<secret>HRKU-[\w-]{30,80})"),
    pattern(
        "heroku-key",
        "heroku",
        r"(?i:heroku)[\w.-]{0,30}[\"'\]]{0,2}[ \t]{0,4}[=:][ \t]{0,4}[\"']?(?P<secret>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b",
    ),
    pattern("databricks-token", "dapi", r"\b(?P<secret>dapi[0-9a-f]{32}(?:-\d)?)\b"),
    pattern("vault-token", "hvs. hvb.", r"\b(?P<secret>hv[sb]\.[\w-]{20,200})"),
    pattern(
        "terraform-token", ".atlasv1.", r"\b(?P<secret>[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70})"
    ),
    pattern(
        "planetscale-token", "pscale_", r"\b(?P<secret>pscale_(?:tkn|pw|oauth)_[\w.=-]{32,64})"
    ),
    pattern(
        "supabase-key",
        "sbp_ sb_secret_",
        r"\b(?P<secret>sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,60})\b",
    ),
    # where code and packages are
    pattern(
        "github-token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255})",
    ),
    pattern(
        "gitlab-token",
        "glpat- glptt- gldt- glrt-",
        r"\b(?P<secret>gl(?:pat|ptt|dt|rt)-[\w-]{20,100})",
    ),
    pattern("pypi-token", "pypi-", r"\b(?P<secret>pypi-[\w-]{50,300})"),
    pattern("npm-token", "npm_", r"\b(?P<secret>npm_[A-Za-z0-9]{36})\b"),
    pattern(
        "npm-auth",
        "_authtoken _auth",
        r"(?:^|:)_auth(?:Token)?[ \t]?=[ \t]?(?![${<])(?P<secret>[\w=+/.-]{16,200})",
    ),
    pattern("rubygems-key", "rubygems_", r"\b(?P<secret>rubygems_[0-9a-f]{48})\b"),
    pattern("docker-token", "dckr_pat_", r"\b(?P<secret>dckr_pat_[\w-]{27,60})"),
    pattern(
        "docker-auth",
        "auth",
        r"\\?\"auth\\?\"[ \t]{0,4}:[ \t]{0,4}\\?\"(?P<secret>[A-Za-z0-9+/]{16,400}={0,2})\\?\"",
    ),
    # messages and mail
    pattern(
        "slack-token",
        "xox xapp-",
        r"\b(?P<secret>xox[abeoprs]-[\w-]{10,200}|xapp-\d-[\w-]{10,200})",
    ),
    pattern(
        "slack-webhook",
        "hooks.slack.com",
        r"\bhooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,100})",
    ),
    pattern(
        "discord-webhook",
        "/api/webhooks/",
        r"\bdiscord(?:app)?\.com/api/webhooks/(?P<secret>\d{16,22}/[\w-]{40,100})",
    ),
    pattern(
        "discord-token",
        ".",
        r"\b(?P<secret>[MNO][A-Za-z\d]{23,27}\.[\w-]{6}\.[\w-]{27,40})(?![\w.-])",
    ),
    pattern("telegram-token", ":aa", r"(?<!\d)(?P<secret>\d{8,10}:AA[\w-]{32,34})(?![\w-])"),
    pattern("twilio-key", "sk", r"\b(?P<secret>SK[0-9a-f]{32})\b"),
    pattern("sendgrid-key", "sg.", r"\b(?P<secret>SG\.[\w-]{16,40}\.[\w-]{16,80})"),
    pattern("mailgun-key", "key-", r"\b(?P<secret>key-[0-9a-f]{32})\b"),
    pattern("mailchimp-key", "-us", r"\b(?P<secret>[0-9a-f]{32}-us\d{1,2})\b"),
    # money
    pattern(
        "stripe-key",
        "k_live_ k_test_ whsec_",
        r"\b(?P<secret>[sr]k_(?:live|test)_[A-Za-z0-9]{16,200}|whsec_[A-Za-z0-9+/]{24,80})",
    ),
    pattern("square-token", "sq0", r"\b(?P<secret>sq0(?:atp|csp|idp)-[\w-]{22,60})"),
    pattern("shopify-token", "shp", r"\b(?P<secret>shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})\b"),
    # watching and working
    pattern(
        "sentry-dsn", "@", r"\bhttps?://(?P<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]{1,200}/\d"
    ),
    pattern("sentry-token", "sntry", r"\b(?P<secret>sntry[su]_[\w+/=-]{40,300})"),
    pattern(
        "datadog-key",
        "dd_ dd- datadog",
        rf"(?i:{BEGIN}dd|datadog)[\w.-]{{0,20}}[\"'\]]{{0,2}}[ \t]{{0,4}}[=:][ \t]{{0,4}}[\"']?(?P<secret>[0-9a-f]{{40}}|[0-9a-f]{{32}})\b",
    ),
    pattern("grafana-token", "glsa_ glc_", r"\b(?P<secret>gl(?:sa|c)_[\w+/=-]{32,300})"),
    pattern("newrelic-key", "nrak-", r"\b(?P<secret>NRAK-[A-Z0-9]{27})\b"),
    pattern("postman-key", "pmak-", r"\b(?P<secret>PMAK-[0-9a-f]{24}-[0-9a-f]{34})\b"),
    pattern("linear-key", "lin_api_", r"\b(?P<secret>lin_api_[A-Za-z0-9]{40})\b"),
    pattern("notion-token", "ntn_", r"\b(?P<secret>ntn_[A-Za-z0-9]{40,50})\b"),
    pattern("airtable-token", "pat", r"\b(?P<secret>pat[A-Za-z0-9]{14}\.[0-9a-f]{64})\b"),
    # ours
    pattern("selfheal-token", "selfheal_", r"\b(?P<secret>selfheal_[0-9a-f]{16}_[\w-]{43})"),
    # keys and tickets of no provider
    pattern("age-key", "age-secret-key-", r"\b(?P<secret>AGE-SECRET-KEY-1[A-Z0-9]{58})\b"),
    pattern("django-key", "django-insecure-", r"(?P<secret>django-insecure-[^\s\"'<>\\]{20,100})"),
    pattern("jwt", "eyj", r"\b(?P<secret>eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{10,2000})"),
)
