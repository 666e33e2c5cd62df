"""Patches for the gate: hostile ones with the rule that must refuse them, and honest ones."""

# One row is one patch, however long: a table is read down its first column.
# ruff: noqa: E501, RUF001

from __future__ import annotations

from selfheal.edits.diff import file_diff, quoted

HUNK = "@@ -1 +1 @@\n-old\n+new\n"
CREATED = "@@ -0,0 +1 @@\n+new\n"


def edit(path: str, hunk: str = HUNK) -> str:
    """A change of the file, as git would write it."""
    return f"diff --git {quoted(f'a/{path}')} {quoted(f'b/{path}')}\n" + names(path) + hunk


def names(path: str) -> str:
    return f"--- {quoted(f'a/{path}')}\n+++ {quoted(f'b/{path}')}\n"


def create(path: str, mode: str = "100644", hunk: str = CREATED) -> str:
    head = f"diff --git {quoted(f'a/{path}')} {quoted(f'b/{path}')}\nnew file mode {mode}\n"
    return f"{head}--- /dev/null\n+++ {quoted(f'b/{path}')}\n{hunk}"


def modes(*headers: str, path: str = "run.py", rest: str = "") -> str:
    return f"diff --git a/{path} b/{path}\n" + "".join(f"{line}\n" for line in headers) + rest


def move(old: str, new: str, kind: str = "rename", rest: str = "") -> str:
    head = f"diff --git a/{old} b/{new}\nsimilarity index 100%\n"
    return f"{head}{kind} from {old}\n{kind} to {new}\n{rest}"


HOSTILE = {
    # git's own folder, in the spellings of file systems that fold names
    "git hook": ("git_folder", create(".git/hooks/pre-commit")),
    "git config": ("git_folder", edit(".git/config")),
    "git upper case": ("git_folder", create(".GIT/config")),
    "git mixed case": ("git_folder", create(".gIt/config")),
    "git below": ("git_folder", create("vendor/.git/config")),
    "git itself": ("git_folder", create(".git")),
    "git short name": ("git_folder", create("git~1/config")),
    "git short name upper": ("git_folder", create("GIT~2/config")),
    "git trailing dot": ("git_folder", create(".git./config")),
    "git trailing spaces": ("git_folder", create(".git . /config")),
    "git stream": ("git_folder", create(".git::$INDEX_ALLOCATION/config")),
    "git invisible": ("git_folder", create(".g\u200cit/config")),
    "git byte order mark": ("git_folder", create("\ufeff.git/config")),
    "git right to left": ("git_folder", create(".gi\u202et/config")),
    "git wide letters": ("git_folder", create(".ｇｉｔ/config")),
    "git backslash": ("git_folder", create(".git\\config")),
    "git carriage return": ("git_folder", create(".git\r/config")),
    "git quoted octal": ("git_folder", create("x").replace("a/x b/x", '"a/\\056git/x" "b/\\056git/x"').replace("+++ b/x", '+++ "b/\\056git/x"')),
    "git by rename": ("git_folder", move("a.py", ".git/hooks/post-merge")),
    "git by copy": ("git_folder", move("a.py", ".git/hooks/update", kind="copy")),
    "git out by rename": ("git_folder", move(".git/config", "config.txt")),
    "git deleted": ("git_folder", modes("deleted file mode 100644", path=".git/HEAD")),
    # out of the tree
    "dots first": ("traversal", create("../outside.py")),
    "dots inside": ("traversal", edit("pkg/../../outside.py")),
    "dots last": ("traversal", create("pkg/..")),
    "dot": ("traversal", create("./app.py")),
    "double slash": ("traversal", create("pkg//app.py")),
    "slash at the end": ("traversal", create("pkg/")),
    "dots by rename": ("traversal", move("a.py", "../../a.py")),
    "absolute": ("absolute", create("/etc/cron.d/x")),
    "absolute edit": ("absolute", edit("/etc/passwd")),
    "absolute by rename": ("absolute", move("a.py", "/tmp/a.py")),
    "drive": ("absolute", create("C:/Windows/x")),
    "drive relative": ("absolute", create("c:x")),
    "network share": ("backslash", create("\\\\server\\share")),
    "backslash": ("backslash", create("pkg\\..\\app.py")),
    # names that hide what they are
    "carriage return": ("strange_name", create("app.py\r")),
    "unquoted carriage return": ("strange_name", edit("x").replace("a/x b/x", "a/x\r b/x\r").replace("--- a/x", "--- a/x\r").replace("+++ b/x", "+++ b/x\r")),
    "line break": ("strange_name", create("app.py\nx")),
    "zero byte": ("strange_name", create("app\0.py")),
    "right to left": ("strange_name", create("app\u202eyp.exe")),
    "zero width": ("strange_name", create("ap\u200bp.py")),
    "no UTF-8": ("strange_name", create("x").replace("a/x b/x", '"a/\\377" "b/\\377"').replace("+++ b/x", '+++ "b/\\377"')),
    # what is no regular file
    "symlink": ("symlink", create("link", "120000")),
    "symlink by mode": ("symlink", modes("old mode 100644", "new mode 120000")),
    "symlink by index": ("symlink", modes("index 1234567..89abcde 120000", rest=names("run.py") + HUNK)),
    "symlink deleted": ("symlink", modes("deleted file mode 120000", rest="--- a/run.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n")),
    "gitlink": ("gitlink", create("lib", "160000", "@@ -0,0 +1 @@\n+Subproject commit " + "a" * 40 + "\n")),
    "gitlink by index": ("gitlink", modes("index 1234567..89abcde 160000", rest=names("run.py") + HUNK)),
    "executable": ("executable", modes("old mode 100644", "new mode 100755")),
    "new executable": ("executable", create("run.sh", "100755")),
    "executable with text": ("executable", modes("old mode 100644", "new mode 100755", rest=names("run.py") + HUNK)),
    "set user id": ("mode", create("run", "104755")),
    "folder": ("mode", create("run", "040000")),
    # git's own files
    "submodules": ("submodule", create(".gitmodules")),
    "submodules upper": ("submodule", edit(".GitModules")),
    "submodules short": ("submodule", create("GITMOD~1")),
    "submodules hash": ("submodule", create("gi7eba~1")),
    "submodules stream": ("submodule", create(".gitmodules::$DATA")),
    "submodules dots": ("submodule", create(".gitmodules. .")),
    "filter": ("attributes", create(".gitattributes", hunk="@@ -0,0 +1 @@\n+*.py filter=evil\n")),
    "filter below": ("attributes", create("a/b/.gitattributes", hunk="@@ -0,0 +1 @@\n+* text filter=x\n")),
    "filter macro": ("attributes", create(".gitattributes", hunk="@@ -0,0 +1 @@\n+[attr]x filter=evil\n")),
    "diff driver": ("attributes", create(".gitattributes", hunk="@@ -0,0 +1 @@\n+* diff=evil\n")),
    "merge driver": ("attributes", create(".GITATTRIBUTES", hunk="@@ -0,0 +1 @@\n+* merge=ours\n")),
    "attributes short": ("attributes", create("GITATT~1", hunk="@@ -0,0 +1 @@\n+* filter=x\n")),
    # licences and secrets
    "licence line": ("licence", edit("a.py", "@@ -1 +1 @@\n-# SPDX-License-Identifier: MIT\n+# hi\n")),
    "licence altered": ("licence", edit("a.py", "@@ -1 +1 @@\n-# SPDX-License-Identifier: MIT\n+# SPDX-License-Identifier: 0BSD\n")),
    "copyright": ("licence", edit("a.py", "@@ -1 +0,0 @@\n-# Copyright (c) 2020 Somebody\n")),
    "copyright year": ("licence", edit("a.py", "@@ -1 +1 @@\n-// © 2020 Somebody\n+// © 2021 Us\n")),
    "licence deleted": ("licence", modes("deleted file mode 100644", path="LICENSE", rest="--- a/LICENSE\n+++ /dev/null\n@@ -1 +0,0 @@\n-MIT\n")),
    "secret": ("secret", edit("a.py", "@@ -1 +1 @@\n-x\n+key = 's3cr3t-value'\n")),
    # size and form
    "binary": ("binary", "diff --git a/x b/x\nindex 1234567..89abcde 100644\nGIT binary patch\nliteral 1\nIcmZQz\n\n"),
    "binary note": ("binary", "diff --git a/x b/x\nindex 1234567..89abcde 100644\nBinary files a/x and b/x differ\n"),
    "huge": ("too_large", edit("a.py", "@@ -0,0 +1 @@\n+" + "x" * (10 << 20) + "\n")),
    "long line": ("too_large", edit("a.py", "@@ -0,0 +1 @@\n+" + "x" * 30_000 + "\n")),
    "many lines": ("too_large", edit("a.py", "@@ -0,0 +1,20001 @@\n" + "+x\n" * 20_001)),
    "many files": ("too_large", "".join(create(f"f{n}.py") for n in range(201))),
    "same file twice": ("duplicate", edit("a.py") + edit("a.py")),
    "file made by rename, then edited": ("duplicate", move("a.py", "b.py") + edit("b.py")),
    # headers that do not agree
    "other name in git header": ("header_mismatch", "diff --git a/ok.py b/ok.py\n" + names("../x") + HUNK),
    "two names": ("header_mismatch", "diff --git a/ok.py b/x.py\n--- a/ok.py\n+++ b/x.py\n" + HUNK),
    "other rename target": ("header_mismatch", "diff --git a/a b/b\nrename from a\nrename to c\n"),
    "rename and other names": ("header_mismatch", move("a", "b", rest="--- a/a\n+++ b/c\n" + HUNK)),
    "half a rename": ("header_mismatch", "diff --git a/a b/b\nrename from a\n"),
    "rename and copy": ("header_mismatch", "diff --git a/a b/b\nrename from a\ncopy to b\n"),
    "no prefix": ("header_mismatch", "diff --git x x\n--- x\n+++ x\n" + HUNK),
    "other prefix": ("header_mismatch", "diff --git .git/x .git/x\n--- .git/x\n+++ .git/x\n" + HUNK),
    "new file from an old one": ("header_mismatch", modes("new file mode 100644", rest=names("run.py") + HUNK)),
    "new file unannounced": ("header_mismatch", "diff --git a/x b/x\n--- /dev/null\n+++ b/x\n" + CREATED),
    "time stamp": ("header_mismatch", "diff --git a/x b/x\n--- a/x\t2020\n+++ b/x\t2020\n" + HUNK),
    "torn quotes": ("header_mismatch", 'diff --git "a/x b/x\n--- "a/x\n+++ b/x\n' + HUNK),
    "bad escape": ("header_mismatch", 'diff --git "a/\\q" "b/\\q"\n--- "a/\\q"\n+++ "b/\\q"\n' + HUNK),
    "no file": ("header_mismatch", "diff --git a/x b/x\n--- /dev/null\n+++ /dev/null\n" + HUNK),
    # what two readers could read differently
    "empty": ("empty", ""),
    "cut": ("malformed", edit("a.py").rstrip("\n")),
    "prose in front": ("malformed", "Here you are:\n" + edit("a.py")),
    "prose behind": ("malformed", edit("a.py") + "Done.\n"),
    "no git header": ("malformed", names("a.py") + HUNK),
    "second file without git header": ("malformed", edit("a.py") + names("../x") + HUNK),
    "unknown header": ("malformed", modes("old mode 100644", "new mode 100644", "x-evil: 1")),
    "mode twice": ("malformed", modes("new file mode 100644", "new file mode 120000")),
    "strange mode": ("malformed", modes("old mode 100644", "new mode 0100755")),
    "hunk too short": ("malformed", edit("a.py", "@@ -1,2 +1,2 @@\n-old\n+new\n")),
    "hunk too long": ("malformed", edit("a.py", "@@ -1 +1 @@\n-old\n+new\n+more\n")),
    "hunk swallows a file": ("malformed", edit("a.py", "@@ -1,9 +1 @@\n-old\n+new\n") + create("../x")),
    "torn hunk header": ("malformed", edit("a.py", "@@ -1 +1\n-old\n+new\n")),
    "no hunks": ("malformed", "diff --git a/x b/x\n" + names("x")),
    "nothing": ("malformed", "diff --git a/x b/x\n"),
    "other end mark": ("malformed", edit("a.py", "@@ -1 +1 @@\n-old\n+new\n\\ evil\n")),
}  # fmt: skip


HONEST = {
    "edit": edit("src/app.py"),
    "new file": create("src/new.py"),
    "new empty file": modes("new file mode 100644", path="src/__init__.py"),
    "deleted file with its header": modes("deleted file mode 100644", path="old.py", rest="--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-# SPDX-License-Identifier: MIT\n"),
    "rename": move("old.py", "new.py"),
    "rename with an edit": move("old.py", "new.py", rest="--- a/old.py\n+++ b/new.py\n" + HUNK),
    "no longer executable": modes("old mode 100755", "new mode 100644"),
    "name with spaces": edit("my file.py").replace("my file.py\n", "my file.py\t\n").replace("b/my file.py\t\n---", "b/my file.py\n---"),
    "name with letters of the world": edit("docs/größe.md"),
    "name in quotes": edit("x").replace("a/x b/x", '"a/\\303\\266" "b/\\303\\266"').replace("--- a/x", '--- "a/\\303\\266"').replace("+++ b/x", '+++ "b/\\303\\266"'),
    "git in a name": create("docs/git.md") + create(".github.md") + create("digit/app.py"),
    "ignored files": edit(".gitignore"),
    "harmless attributes": create(".gitattributes", hunk="@@ -0,0 +1,3 @@\n+*.png binary\n+*.sh text eol=lf\n+CHANGES merge=union\n"),
    "licence line moved": edit("a.py", "@@ -1,2 +1,2 @@\n-# Copyright 2020 Us\n #!x\n+# Copyright 2020 Us\n"),
    "code about copyright": edit("a.py", "@@ -1 +1 @@\n-page.copyright = text\n+page.copyright = None\n"),
    "secret that was there": edit("a.py", "@@ -1,2 +1,2 @@\n-key = 's3cr3t-value'\n x\n+key = 's3cr3t-value'\n"),
    "secret taken out": edit("a.py", "@@ -1 +1 @@\n-key = 's3cr3t-value'\n+key = environ['KEY']\n"),
    "no last line break": edit("a.py", "@@ -1 +1 @@\n-old\n\\ No newline at end of file\n+new\n\\ No newline at end of file\n"),
    "lines that look like headers": edit("a.py", "@@ -1,2 +1,2 @@\n--- a/x\n-diff --git a/x b/x\n+++ b/x\n+@@ -1 +1 @@\n"),
    "blank context line": edit("a.py", "@@ -1,2 +1,2 @@\n\n-old\n+new\n"),
    "line with a carriage return": edit("a.py", "@@ -1 +1 @@\n-old\r\n+new\r\n"),
    "heading of a hunk": edit("a.py", "@@ -1 +1 @@ def f(): @@\n-old\n+new\n"),
    "two hunks": edit("a.py", HUNK + "@@ -9 +9 @@\n-old\n+new\n"),
    "ours": file_diff("src/a.py", "one\ntwo", "one\n2\n"),
}  # fmt: skip
