"""As much of Hugging Face's hub as `huggingface_hub` asks for to push and fetch a model."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import urllib.parse

_LARGE = 10_000  # bytes from which a file is stored apart from its commit, as `.h5` files are


class Hub:
    """What the server has.

    Attributes:
        repositories: Dict from names to dicts of `private`, `refs` (names to commits) and `commits`
            (ids to dicts from paths to bytes).
        stored: Dict from SHA-256 digests to the large files that have arrived.
        requests: List of `(method, path)`.
        failures: Dict from `(method, part of a path)` to how often it still breaks off.
        forbidden: Names of users under whom nobody may write.
    """

    def __init__(self):
        self.repositories, self.stored, self.requests = {}, {}, []
        self.failures, self.forbidden = {}, {"someone"}

    def commit(self, repository, revision, files):
        """Adds files to what a branch holds."""
        known = self.repositories[repository]
        before = known["commits"].get(known["refs"].get(revision), {})
        content = {**before, **files}
        told = json.dumps({path: hashlib.sha1(data).hexdigest() for path, data in content.items()})
        oid = hashlib.sha1(f"{told}{len(known['commits'])}".encode()).hexdigest()
        known["commits"][oid] = content
        known["refs"][revision] = oid
        return oid

    def found(self, repository, revision):
        """Returns commit and files of a revision, or which of them is not there."""
        if repository not in self.repositories:
            return "RepoNotFound", None
        known = self.repositories[repository]
        oid = known["refs"].get(revision, revision)
        return (oid, known["commits"][oid]) if oid in known["commits"] else ("RevisionNotFound", {})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(length)
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        for (method, part), left in self.hub.failures.items():
            if left and method == self.command and part in path:
                self.hub.failures[method, part] -= 1
                self.close_connection = True  # without an answer
                return
        for pattern, answer in _ROUTES:
            method, place = pattern
            found = re.fullmatch(place, path)
            if found and self.command in method:
                answer(self, body, *found.groups())
                return
        self._json({"error": "not found"}, 404)

    def _json(self, content, status=200, **headers):
        self._bytes(json.dumps(content).encode(), status, **headers)

    def _bytes(self, data, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _missing(self, code):
        self._json({"error": code}, 404, X_Error_Code=code)

    def create(self, body):
        asked = json.loads(body)
        repository = f"{asked.get('organization') or 'user'}/{asked['name']}"
        if repository.partition("/")[0] in self.hub.forbidden:
            return self._json({"error": "You have no rights here"}, 403)
        exists = repository in self.hub.repositories
        if not exists:
            private = asked.get("private") or asked.get("visibility") == "private"
            known = {"private": private, "refs": {}, "commits": {}}
            self.hub.repositories[repository] = known
            self.hub.commit(repository, "main", {".gitattributes": b"*.h5 filter=lfs\n"})
        address = f"http://{self.headers['Host']}/{repository}"
        self._json({"url": address, "name": repository}, 409 if exists else 200)

    def branch(self, body, repository, branch):
        refs = self.hub.repositories[repository]["refs"]
        exists = branch in refs
        refs.setdefault(branch, refs["main"])
        self._json({}, 409 if exists else 201)

    def validate(self, body):
        self._json({"errors": [], "warnings": []})

    def preupload(self, body, repository, revision):
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["size"] > _LARGE else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        self._json({"files": files})

    def batch(self, body, repository):
        objects = json.loads(body)["objects"]
        for part in objects:
            if part["oid"] not in self.hub.stored:
                href = f"http://{self.headers['Host']}/large/{part['oid']}"
                part["actions"] = {"upload": {"href": href, "header": {}}}
        self._json({"transfer": "basic", "objects": objects})

    def large(self, body, oid):
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.stored[oid] = body
        self._json({})

    def commit(self, body, repository, revision):
        files = {}
        for line in body.splitlines():
            part = json.loads(line)
            if part["key"] == "file":
                files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
            elif part["key"] == "lfsFile":
                files[part["value"]["path"]] = self.hub.stored[part["value"]["oid"]]
        oid = self.hub.commit(repository, revision, files)
        address = f"http://{self.headers['Host']}/{repository}/commit/{oid}"
        self._json({"success": True, "commitOid": oid, "commitUrl": address})

    def info(self, body, repository, revision=None):
        oid, files = self.hub.found(repository, revision or "main")
        if not files:
            return self._missing(oid)
        told = {"id": repository, "modelId": repository, "sha": oid, "tags": []}
        told["private"] = bool(self.hub.repositories[repository]["private"])
        self._json({**told, "siblings": [{"rfilename": path} for path in files]})

    def tree(self, body, repository, revision):
        oid, files = self.hub.found(repository, revision)
        if not files:
            return self._missing(oid)
        told = [{"type": "file", "path": path, **_told(data)} for path, data in files.items()]
        self._json(told)

    def resolve(self, body, repository, revision, path):
        oid, files = self.hub.found(repository, revision)
        if not files:
            return self._missing(oid)
        if path not in files:
            return self._missing("EntryNotFound")
        etag = f'"{_told(files[path])["oid"]}"'
        self._bytes(files[path], X_Repo_Commit=oid, ETag=etag)


def _told(data):
    if len(data) > _LARGE:
        digest = hashlib.sha256(data).hexdigest()
        lfs = {"oid": digest, "size": len(data), "pointerSize": 130}
        return {"size": len(data), "oid": digest, "lfs": lfs}
    return {"size": len(data), "oid": hashlib.sha1(data).hexdigest()}


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES = (
    (("POST", "/api/repos/create"), _Handler.create),
    (("POST", "/api/validate-yaml"), _Handler.validate),
    (("POST", f"/api/models/{_NAME}/branch/(.+)"), _Handler.branch),
    (("POST", f"/api/models/{_NAME}/preupload/(.+)"), _Handler.preupload),
    (("POST", f"/{_NAME}.git/info/lfs/objects/batch"), _Handler.batch),
    (("PUT", "/large/([0-9a-f]+)"), _Handler.large),
    (("POST", f"/api/models/{_NAME}/commit/(.+)"), _Handler.commit),
    (("GET", f"/api/models/{_NAME}"), _Handler.info),
    (("GET", f"/api/models/{_NAME}/revision/(.+)"), _Handler.info),
    (("GET", f"/api/models/{_NAME}/tree/([^/]+)"), _Handler.tree),
    (("GET HEAD", f"/{_NAME}/resolve/([^/]+)/(.+)"), _Handler.resolve),
)


@contextlib.contextmanager
def running():
    """Yields a `Hub` and the address where it is served."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
