"""What is no secret stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.redaction import Redactor

ORDINARY = r"""
password = get_password()
password = models.CharField(max_length=128)
password: str = Field(min_length=8)
password1 = forms.CharField(widget=forms.PasswordInput)
fields = ("username", "password1", "password2")
self.client.login(username="jane", password="secret")
def login(user: str, password: str = "") -> Token2:
assert user.check_password("lamp-post")
SECRET_KEY = os.environ["SECRET_KEY"]
SECRET_KEY = env("DJANGO_SECRET_KEY", default="change-me")
SECRET_KEY = get_random_secret_key()
API_KEY = config("API_KEY")
api_key=settings.api_key,
token = tokens[0]
token = self.next_token_2
tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased-v2")
max_tokens = 4096
MAX_TOKENS=200000
next_page_token=page_token,
csrf_token = "{{ csrf_token }}"
{"token": "string", "password": "string"}
{"type": "apiKey", "in": "header", "name": "X-API-Key"}
"$ref": "#/components/schemas/Token2"
password: ${DB_PASSWORD}
password: "{{ vault_password_1 }}"
password: <your password>
- POSTGRES_PASSWORD=${POSTGRES_PASSWORD:?}
SECRET_KEY=$(openssl rand -hex 32)
PASSWORD_FILE=/run/secrets/db_password_1
token_url = "https://example.org/oauth2/token"
key = "primary_key_2"
sort_key = "created_at"
keys = sorted(mapping.keys())
cache_key = f"user:{user_id}:v2"
row["key"] == "abc123def456"
foreign_key = ForeignKeyConstraint(["a_id"], ["b.id"])
public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1kxvgEr"
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
if "-----BEGIN PRIVATE KEY-----" in text:
if text.startswith("-----BEGIN RSA PRIVATE KEY-----"):
3be686c1d0b9b039bd9f9c27808faeee794876e1
index 3be686c..9f9c278 100644
commit 3be686c1d0b9b039bd9f9c27808faeee794876e1
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
hash="sha256-n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
etag = "33a64df551425fcc55e4d42a148795d9f25f89d4"
6f1c3f2e-8a33-4f0e-9d5b-0a4b1c2d3e4f
id: 6f1c3f2e-8a33-4f0e-9d5b-0a4b1c2d3e4f
request_id=6f1c3f2e-8a33-4f0e-9d5b-0a4b1c2d3e4f
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ
TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1
assert b64decode("aGVsbG8gd29ybGQgMTIzNDU2Nzg5MA==") == b"hello"
https://example.org:8443/a/b?page=2&size=50
https://example.org/?key=name&sort=-created
ssh://git@example.org/r.git
git@example.org:group/project.git
https://bot@example.org/
postgresql://{user}:{password}@{host}/db
postgresql://user:password@localhost/db
redis://localhost:6379/0
http://[::1]:8000/
mailto:somebody@example.org
scheme://[user:passwd@]proxy.server:port
Authorization: Bearer <token>
Authorization: Bearer ${TOKEN}
headers = {"Authorization": f"Bearer {token}"}
the bearer of this letter is entitled to enter
basic understanding of the matter
response.set_cookie("theme", "dark")
Set-Cookie: theme=dark; Path=/
session_id=self.__session_id
File "/usr/lib/python3.11/site-packages/auth/token.py", line 42, in check
KeyError: 'password'
E       AssertionError: assert 'token' == 'tokens'
tests/test_auth.py::test_password[too-short-1]
def test_wrong_password_gives_401(client, user2):
selfheal.redaction.redactor.Redactor._replaced
task-sk-learn and risk-assessment-of-everything-we-do
sk-learn-contrib-imbalanced
x = {'a': 1}  # time 12:30@noon
v1.2.3.dev4+g1234567
numpy==2.1.0 --hash=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b
12:34:56.789 [INFO] worker-1: 200 OK in 12 ms
Error 500: https://example.org/e/4f0e9d5b
ghp_ and github_pat_ are prefixes of tokens
--token TOKEN     the token to use
--password-file /run/secrets/db1
curl -u user https://example.org/
-u user:$PASSWORD
print(f"{key}={value}")
password != password2
if password == confirm_password_2:
secret = secrets.token_urlsafe(32)
Secret santa: draw 1 of 12 names
salt = bcrypt.gensalt(12)
the key=value pairs of section 12
Token(type="NAME", value="x1")
tok = Token("IDENTIFIER", "foo_bar_12")
""".strip().splitlines()


@pytest.mark.parametrize("line", ORDINARY)
def test_an_ordinary_line_stays(line: str) -> None:
    assert Redactor().redact(line) == line
    assert Redactor().find(line) is None


def test_the_lines_stay_together_too() -> None:
    text = "\n".join(ORDINARY)

    assert Redactor().redact(text) == text


def test_the_source_of_this_project_stays() -> None:
    root = Path(__file__).parents[3]
    files = [*root.glob("selfheal/**/*.py"), *root.glob("tasks/*.py"), *root.glob("docs/**/*.md")]

    assert len(files) > 200
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert Redactor().redact(text) == text, file
