"""Secrets of many forms, made up here, as they stand in texts that people hand around.

No two are alike, each is the same at every run, and none was ever real.
"""

# One row is one canary: a table is read down its first column.
# ruff: noqa: E501

from __future__ import annotations

import base64
import hashlib
import json
import string
from typing import NamedTuple

HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
ALNUM = string.ascii_letters + string.digits


class Canary(NamedTuple):
    """`secret` is what must not be found where `text` has been."""

    text: str
    secret: str


def made(seed: str, length: int, alphabet: str = ALNUM) -> str:
    """Characters that look random, always the same for a seed; the first ones are of each kind."""
    digits = b"".join(hashlib.sha512(f"{seed} {part}".encode()).digest() for part in range(9))
    text = "".join(alphabet[byte % len(alphabet)] for byte in digits)
    return ("a1B" + text if alphabet is ALNUM else text)[:length]


def token(text: str, secret: str) -> Canary:
    """`§` in the text stands for the secret."""
    return Canary(text.replace("§", secret), secret)


def key(label: str, seed: str, lines: int = 3) -> str:
    body = "\n".join(made(f"{seed} {line}", 64) for line in range(lines))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


def in_key(text: str, seed: str) -> Canary:
    """A line from the middle of the key stands for all of it."""
    return Canary(text, made(f"{seed} 1", 64))


KNOWN = {
    "known plain words": ("PAYMENT_API_KEY", "correct horse battery staple"),
    "known short": ("MAIL_PASSWORD", "tr0ub4"),
    "known with signs": ("LEDGER_SECRET", "p@ss/wörd+1&2"),
    "known of several lines": ("DEPLOY_KEY", f"{made('known one', 40)}\n{made('known two', 40)}"),
}
"""Names and values in the environment of the farm: nothing but the name says that they are secret."""

CANARIES: dict[str, Canary] = {
    # models
    "anthropic": token("client = Anthropic('§')", "sk-ant-api03-" + made("anthropic", 60)),
    "openai": token("openai.api_key: §", "sk-" + made("openai", 48)),
    "openai project": token("got 401 for §.", "sk-proj-" + made("openai project", 80)),
    "hugging face": token("login(token=§)", "hf_" + made("hugging face", 34)),
    "groq": token("<§>", "gsk_" + made("groq", 52)),
    "replicate": token("REPLICATE §", "r8_" + made("replicate", 37)),
    # clouds
    "aws key id": token("aws_access_key_id = §", "AKIA" + made("aws key id", 16, UPPER)),
    "aws secret": token("aws_secret_access_key = §", made("aws secret", 37) + "/+9"),
    "aws session": token("export AWS_SESSION_TOKEN=§", made("aws session", 120)),
    "google api": token("https://maps.example.org/api?key=§&v=3", "AIza" + made("google api", 35)),
    "google oauth": token("Authorization: Bearer §", "ya29." + made("google oauth", 60)),
    "gcp service account": in_key(json.dumps({"type": "service_account", "private_key": key("PRIVATE KEY", "gcp")}), "gcp"),
    "gcp key id": token('"private_key_id": "§",', made("gcp key id", 40, HEX)),
    "azure storage": token("DefaultEndpointsProtocol=https;AccountName=x;AccountKey=§;EndpointSuffix=y", made("azure storage", 86) + "=="),
    "azure sas": token("https://x.example.org/c?sv=2024&sig=§&se=2027", made("azure sas", 43) + "%3D"),
    "azure client": token("AZURE_CLIENT_SECRET=§", "Ab1" + "8Q~" + made("azure client", 34)),
    "digitalocean": token("doctl auth init -t §", "dop_v1_" + made("digitalocean", 64, HEX)),
    "heroku": token("HEROKU_API_KEY: §", "1b2c3d4e-" + "5f60-4a7b-8c9d-" + made("heroku", 12, HEX)),
    "databricks": token("host/§", "dapi" + made("databricks", 32, HEX)),
    "vault": token("X-Vault-Token: §", "hvs." + made("vault", 90)),
    # where code and packages are
    "github": token("remote: https://x-access-token:§@github.com/o/r.git", "ghp_" + made("github", 36)),
    "github fine-grained": token("gh auth: §", "github_pat_" + made("fine", 22) + "_" + made("grained", 59)),
    "gitlab": token("PRIVATE-TOKEN: §", "glpat-" + made("gitlab", 20)),
    "pypi": token("twine upload -p §", "pypi-" + made("pypi", 120)),
    "npm": token("//registry.npmjs.org/:_authToken=§", "npm_" + made("npm", 36)),
    "npm of others": token("//npm.example.org/:_authToken=§", made("npm of others", 40)),
    "docker hub": token("docker login -u me -p §", "dckr_pat_" + made("docker hub", 27)),
    "docker config": token('{"auths": {"r.example.org": {"auth": "§"}}}', base64.b64encode(b"somebody:" + made("docker", 20).encode()).decode()),
    # messages and mail
    "slack bot": token("slack.WebClient('§')", "xoxb-" + "123456789012-" + made("slack bot", 24)),
    "slack webhook": token("https://hooks.slack.com/services/§", "T0A1B2C3D/B0A1B2C3D/" + made("slack webhook", 24)),
    "discord bot": token("bot.run('§')", "M" + made("discord", 23) + "." + made("bot", 6) + "." + made("discord bot", 38)),
    "discord webhook": token("POST https://discord.com/api/webhooks/§", "123456789012345678/" + made("discord webhook", 68)),
    "telegram": token("https://api.telegram.org/bot§/getMe", "123456789:AA" + made("telegram", 33)),
    "twilio": token("Client('AC0', '§')", "SK" + made("twilio", 32, HEX)),
    "twilio auth token": token("TWILIO_AUTH_TOKEN='§'", made("twilio auth token", 31, HEX) + "7"),
    "sendgrid": token("SendGrid §", "SG." + made("send", 22) + "." + made("grid", 43)),
    "mailgun": token("auth=('api', '§')", "key-" + made("mailgun", 32, HEX)),
    "mailchimp": token("mc = §", made("mailchimp", 32, HEX) + "-us21"),
    # money and watching
    "stripe": token("stripe.api_key = '§'", "sk_live_" + made("stripe", 24)),
    "stripe webhook": token("secret §", "whsec_" + made("stripe webhook", 32)),
    "shopify": token("shop: §", "shpat_" + made("shopify", 32, HEX)),
    "sentry dsn": token("sentry_sdk.init('https://§@o1.ingest.example.org/42')", made("sentry dsn", 32, HEX)),
    "datadog": token("DD_API_KEY=§", made("datadog", 32, HEX)),
    "grafana": token("grafana §", "glsa_" + made("grafana", 32) + "_a1b2c3d4"),
    # frameworks and databases
    "django": token("SECRET_KEY = '§'", "django-insecure-" + made("django", 20) + "!@#$%^&*(-_=+)" + "a1"),
    "django of its own": token('SECRET_KEY = "§"', made("django of its own", 30) + "&*(-_=+)9#"),
    "flask": token("app.config['SECRET_KEY'] = b'§'", made("flask", 32)),
    "database url": token("DATABASE_URL=postgresql://app:§@db.example.org:5432/app", made("database url", 16)),
    "cache url": token("CELERY_BROKER_URL = 'redis://:§@cache:6379/0'", made("cache url", 16)),
    "odbc": token("Driver={x};Server=y;Uid=sa;Pwd=§;Encrypt=yes", made("odbc", 14) + "!"),
    "libpq": token("connection failed: host=db user=app password=§ dbname=x", made("libpq", 24)),
    "yaml": token("  password: §", made("yaml", 10) + "#9-x"),
    "json": token('{"clientSecret": "§"}', made("json", 24)),
    "toml": token('api-key = "§"', made("toml", 24)),
    "keyword argument": token("connect(user='app', password='§')", made("keyword argument", 10)),
    "option": token("backup --password=§ --all", made("option", 16)),
    # headers, tickets and keys
    "basic header": token('"Authorization": "Basic §"', base64.b64encode(b"somebody:" + made("basic", 20).encode()).decode()),
    "bearer header": token("-H 'Authorization: Bearer §'", made("bearer header", 40)),
    "jwt": token("token was §", "eyJ" + made("jwt head", 30) + ".eyJ" + made("jwt body", 60) + "." + made("jwt sign", 43)),
    "cookie": token("Cookie: theme=dark-blue; sessionid=§; lang=de", made("cookie", 32)),
    "set-cookie": token("Set-Cookie: sid=§; Path=/; HttpOnly", made("set-cookie", 32)),
    "rsa key": in_key(key("RSA PRIVATE KEY", "rsa"), "rsa"),
    "openssh key": in_key(key("OPENSSH PRIVATE KEY", "openssh"), "openssh"),
    "commented key": in_key(key("EC PRIVATE KEY", "commented").replace("\n", "\n# "), "commented"),
    "key in a program": in_key("KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in key("PRIVATE KEY", "program").splitlines()) + ")", "program"),
    "key on one line": in_key("KEY='" + key("PRIVATE KEY", "one line").replace("\n", "\\n") + "'", "one line"),
    "pgp key": in_key(key("PGP PRIVATE KEY BLOCK", "pgp"), "pgp"),
    "putty key": in_key("PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 3\n" + "\n".join(made(f"putty {line}", 64) for line in range(3)), "putty"),
    "selfheal": token("selfheal token add ci: §", "selfheal_" + made("selfheal", 16, HEX) + "_" + made("selfheal secret", 43)),
    "age key": token("# created\n§", "AGE-SECRET-KEY-1" + made("age key", 58, UPPER)),
    "netrc": token("machine x.example.org login me password §", made("netrc", 16)),
}
