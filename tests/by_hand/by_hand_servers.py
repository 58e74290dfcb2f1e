"""Servers that others wrote, asked alike by murmur, curl and httpx: HTTP/1.1, HTTP/2, proxies.

``python tests/by_hand/by_hand_servers.py [NAME ...]`` starts each server on the loopback whose
Debian package is installed (apache2 lighttpd haproxy varnish squid h2o nghttp2-server caddy
nginx-light), and asks for the same things by all three clients: status and body have to agree.
Of errors the status alone is compared; where curl and httpx differ, either will do, and a line
says so.  The last table is in docs/explanation/held-against.md;
what did not pass there: over HTTP/2 lighttpd answers a post of unknown length with 411, to curl
as well, which is asked by HTTP/1.1 where a server speaks it.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import hashlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import httpx
import trustme

from murmur.http import Client, Options

BIG = b"0123456789abcdef" * 200_000
PATH = "/usr/sbin:/usr/bin:/usr/local/bin"

APACHE = """
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile {root}/pid
ErrorLog {root}/error.log
User {user}
Group {group}
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls_port}
{modules}
DocumentRoot {root}/files
<Directory {root}/files>
  Require all granted
</Directory>
TypesConfig /etc/mime.types
AddOutputFilterByType DEFLATE text/plain
KeepAliveTimeout 1
MaxKeepAliveRequests 7
H2MaxSessionStreams 4
Protocols h2 http/1.1
<VirtualHost *:{tls_port}>
  SSLEngine on
  SSLCertificateFile {root}/server.pem
</VirtualHost>
"""
MODULES = "mpm_event authz_core mime filter deflate ssl socache_shmcb http2 dir"
LIGHTTPD = """
server.document-root = "{root}/files"
server.bind = "127.0.0.1"
server.port = {port}
server.max-keep-alive-requests = 7
server.max-keep-alive-idle = 1
server.modules += ("mod_deflate", "mod_openssl")
deflate.mimetypes = ("text/plain")
mimetype.assign = (".txt" => "text/plain")
$SERVER["socket"] == "127.0.0.1:{tls_port}" {{
  ssl.engine = "enable"
  ssl.pemfile = "{root}/server.pem"
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout http-keep-alive 1s
frontend plain
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {root}/server.pem alpn h2,http/1.1
  default_backend files
backend files
  server one 127.0.0.1:{behind}
"""
VARNISH = """
vcl 4.1;
backend files {{ .host = "127.0.0.1"; .port = "{behind}"; }}
"""
H2O = """
user: {user}
http2-idle-timeout: 1
http1-request-timeout: 1
http2-max-concurrent-requests-per-connection: 4
compress: ON
error-log: {root}/error.log
listen: {{ host: 127.0.0.1, port: {port} }}
listen:
  host: 127.0.0.1
  port: {tls_port}
  ssl: {{ certificate-file: {root}/server.pem, key-file: {root}/server.pem }}
hosts:
  default:
    paths: {{ "/": {{ file.dir: {root}/files }} }}
"""
CADDY = """
{{
  admin off
  auto_https off
  storage file_system {root}
  servers {{
    timeouts {{
      idle 1s
    }}
  }}
}}
http://127.0.0.1:{port}, https://localhost:{tls_port} {{
  bind 127.0.0.1
  encode gzip
  root * {root}/files
  file_server
}}
"""
CADDY_TLS = "https://localhost:{tls_port} {{\n  tls {root}/server.pem {root}/server.pem"
NGINX = """
daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log; user {user};
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/plain; gzip on; gzip_min_length 1;
  keepalive_timeout 1s; keepalive_requests 50;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl http2; root {root}/files;
    ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.pem;
  }}
}}
"""
SQUID = """
http_port 127.0.0.1:{port}
pid_filename {root}/pid
cache_log {root}/cache.log
access_log none
cache deny all
http_access allow all
shutdown_lifetime 0 seconds
pinger_enable off
"""


@dataclass
class Kind:
    """A server: what starts it, with which configuration, and what it speaks."""

    program: str
    command: str
    configuration: str
    version: str = "-v"
    tls: bool = True
    plain: bool = True
    behind: bool = False
    signal: int = signal.SIGTERM


KINDS = {
    "Apache": Kind("apache2", "apache2 -D FOREGROUND -f {file}", APACHE, signal=signal.SIGWINCH),
    "lighttpd": Kind("lighttpd", "lighttpd -D -f {file}", LIGHTTPD, signal=signal.SIGINT),
    "nginx": Kind("nginx", "nginx -c {file}", NGINX, signal=signal.SIGQUIT),
    "HAProxy": Kind("haproxy", "haproxy -f {file}", HAPROXY, behind=True, signal=signal.SIGUSR1),
    "Varnish": Kind(
        "varnishd",
        "varnishd -F -a 127.0.0.1:{port} -f {file} -n {root}/v -s malloc,32m -p timeout_idle=1",
        VARNISH,
        "-V",
        tls=False,
        behind=True,
    ),
    "h2o": Kind("h2o", "h2o -c {file}", H2O),
    "nghttpd": Kind(
        "nghttpd",
        "nghttpd -m 4 -d {root}/files --trailer=x-sum:7 {tls_port} {root}/server.pem"
        " {root}/server.pem",
        "",
        "--version",
        plain=False,
    ),
    "Caddy": Kind("caddy", "caddy run --adapter caddyfile --config {file}", CADDY, "version"),
}


@dataclass
class Tally:
    """What one server came to."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)

    def note(self, case: str, found: object, wanted: object) -> None:
        """Count a case, which passed if both are equal."""
        if found == wanted:
            self.passed += 1
        else:
            self.failed.append(f"{case}: {found!r}, not {wanted!r}")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def fill(root: Path, authority: trustme.CA) -> None:
    """Write the files that servers serve, and their certificate."""
    (root / "files").mkdir(parents=True)
    (root / "files" / "small.txt").write_text("hello\n" * 20)
    (root / "files" / "empty.txt").write_text("")
    (root / "files" / "big.bin").write_bytes(BIG)
    (root / "files" / "ä b.txt").write_text("odd name")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    (root / "server.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    authority.cert_pem.write_to_path(root / "ca.pem")
    for path in (root, root / "files", *(root / "files").iterdir()):
        path.chmod(0o755)


@contextlib.contextmanager
def running(kind: Kind, root: Path, behind: int) -> Iterator[tuple[int, int, subprocess.Popen]]:
    """Start a server, wait until it listens, and end it."""
    port, tls_port = free_port(), free_port()
    modules = "\n".join(
        f"LoadModule {each}_module modules/mod_{each}.so" for each in MODULES.split()
    )
    values = {
        "root": root, "port": port, "tls_port": tls_port, "behind": behind, "modules": modules,
        "user": getpass.getuser(), "group": getpass.getuser(), "file": root / "configuration",
    }  # fmt: skip
    text = kind.configuration.format(**values)
    if kind.program == "caddy":
        text = text.replace(f", https://localhost:{tls_port}", "")
        body = text.partition(f"http://127.0.0.1:{port}")[2].partition("{")[2]
        text += CADDY_TLS.format(**values) + body
    (root / "configuration").write_text(text)
    arguments = kind.command.format(**values).split()
    if kind.program == "apache2" and getpass.getuser() == "root":
        (root / "configuration").write_text(
            text.replace("User root", "User www-data").replace("Group root", "Group www-data")
        )
    with (root / "output").open("wb") as output:
        process = subprocess.Popen(
            [shutil.which(arguments[0], path=PATH) or arguments[0], *arguments[1:]],
            stdout=output, stderr=output, cwd=root,
        )  # fmt: skip
    try:
        wait_for(port if kind.plain else tls_port, process, root)
        yield port, tls_port, process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


def wait_for(port: int, process: subprocess.Popen, root: Path) -> None:
    """Wait until somebody listens at `port`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{root.name} does not listen: {(root / 'output').read_text()[-2000:]}")


def curl(root: Path, *arguments: str) -> tuple[int, str]:
    """Return status and digest of the body that curl gets; 0 without an answer."""
    command = ["curl", "-s", "--compressed", "--max-time", "20", "--cacert", str(root / "ca.pem")]
    done = subprocess.run(
        [*command, "-w", "\n%{http_code}", *arguments], capture_output=True, check=False
    )
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status or 0), digest(body)


async def by_httpx(client: httpx.AsyncClient, case: str) -> tuple[int, str]:
    """Return status and digest of the body that httpx gets; 0 without an answer."""
    method, path, keywords, _ = CASES[case]
    data = keywords.get("data")
    content = in_parts(data) if isinstance(data, list) else data
    try:
        response = await client.request(
            method, path, headers=keywords.get("headers"), content=content
        )
    except httpx.HTTPError:
        return 0, digest(b"")
    return response.status_code, digest(response.content)


async def in_parts(parts: list[bytes]) -> AsyncIterator[bytes]:
    """Give a body piece by piece, as httpx wants it."""
    for part in parts:
        yield part


def digest(body: bytes) -> str:
    """Return a short name of a body."""
    return f"{len(body)} bytes {hashlib.sha256(body).hexdigest()[:8]}"


ANY = range(1000)
LONG = "x" * 9_000
CASES: dict[str, tuple[str, str, dict, list[str]]] = {
    "a file": ("GET", "/small.txt", {}, []),
    "an empty one": ("GET", "/empty.txt", {}, []),
    "3 MB": ("GET", "/big.bin", {}, []),
    "part of it": ("GET", "/big.bin", {"headers": {"Range": "bytes=5-99"}}, ["-r", "5-99"]),
    "no such part": (
        "GET", "/small.txt", {"headers": {"Range": "bytes=900-"}}, ["-r", "900-"],
    ),
    "an odd name": ("GET", "/ä b.txt", {}, []),
    "what is not there": ("GET", "/nothing", {}, []),
    "HEAD": ("HEAD", "/big.bin", {}, ["-I", "-o", "/dev/null"]),
    "not changed since": (
        "GET", "/small.txt",
        {"headers": {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}},
        ["-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
    ),
    "a method nobody has": ("BREW", "/small.txt", {}, ["-X", "BREW"]),
    "a post to a file": (
        "POST", "/small.txt", {"data": b"a=1"}, ["-d", "a=1", "-H", "Content-Type:"],
    ),
    "a post in chunks": (
        "POST", "/small.txt", {"data": [b"a=", b"1"]},
        ["-d", "a=1", "-H", "Content-Type:", "-H", "Transfer-Encoding: chunked"],
    ),
    "a post that asks first": (
        "POST", "/small.txt", {"data": b"a=1", "headers": {"Expect": "100-continue"}},
        ["-d", "a=1", "-H", "Content-Type:", "-H", "Expect: 100-continue"],
    ),
    "a field too long": ("GET", "/small.txt", {"headers": {"X": LONG}}, ["-H", f"X: {LONG}"]),
    "a URL too long": ("GET", f"/{LONG}", {}, []),
    "Connection: close": (
        "GET", "/small.txt", {"headers": {"Connection": "close"}}, ["-H", "Connection: close"],
    ),
}  # fmt: skip


async def compare(
    client: Client, other: httpx.AsyncClient, url: str, root: Path, tally: Tally, more: list[str]
) -> None:
    """Ask for each case by all three clients."""
    for case, (method, path, keywords, arguments) in CASES.items():
        response = await client.request(method, path, expect=ANY, **keywords)
        body = str(response.failure) if response.error else digest(response.content)
        target = url + path.replace("ä", "%C3%A4").replace(" ", "%20")
        asked = partial(curl, root, *more, *arguments, target)
        found = [
            (response.status, body),
            await anyio.to_thread.run_sync(asked),
            await by_httpx(other, case),
        ]
        if method == "HEAD" or response.status >= 400:  # pages of errors differ by what was before
            found = [(status, "") for status, _ in found]
        mine, *theirs = found
        if theirs[0] != theirs[1]:
            sys.stdout.write(f"    {case}: curl {theirs[0]}, httpx {theirs[1]}\n")
        tally.note(case, mine, mine if mine in theirs else theirs[0])


async def hammer(client: Client, tally: Tally, version: str) -> None:
    """Ask by many users at once, across idle ends and connections that are called off."""
    found: list[object] = []

    async def ask() -> None:
        for _ in range(25):
            response = await client.get("/small.txt")
            found.append(response.failure or response.http_version)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    tally.note("500 requests by 20 at once", set(found), {version})
    late = []
    for pause in (0.95, 1.0, 1.05, 1.3):
        await anyio.sleep(pause)
        late.append((await client.get("/small.txt")).failure)
    tally.note("requests just when the server ends what is idle", late, [None] * 4)


async def hand_over(client: Client, process: subprocess.Popen, how: int, tally: Tally) -> None:
    """Ask for a long answer while the server is told to end in order."""
    async with client.get("/big.bin", stream=True, timeout=20) as response:
        size = 0
        async for part in response.iter_bytes():
            if not size:
                process.send_signal(how)
                await anyio.sleep(0.2)
            size += len(part)
    tally.note("an answer whose server ends in order", (response.failure, size), (None, len(BIG)))


async def judge(name: str, root: Path, behind: int) -> None:
    """Hold murmur against one server."""
    kind = KINDS[name]
    with running(kind, root, behind) as (port, tls_port, process):
        for version, is_tls in (("1.1", False), ("1.1", True), ("2", True)):
            if not (kind.tls if is_tls else kind.plain) or (name == "nghttpd" and version != "2"):
                continue
            scheme, place = ("https", tls_port) if is_tls else ("http", port)
            url, tally = f"{scheme}://localhost:{place}", Tally()
            url = url if is_tls else f"http://127.0.0.1:{place}"
            options = Options(
                base_url=url,
                ca=root / "ca.pem",
                http2=version == "2",
                timeout=20,
                max_connections=4,
            )
            # Over HTTP/2 curl 7.88 now and then loses an answer behind which the server resets
            # the stream without an error, because it wants no body (RFC 9113, 8.1).
            flag = "--http1.1" if kind.plain else "--http2"
            trust = ssl.create_default_context(cafile=root / "ca.pem")
            other = httpx.AsyncClient(
                base_url=url, verify=trust, http1=version != "2", http2=version == "2", timeout=20
            )
            async with Client(options=options) as client, other:
                await compare(client, other, url, root, tally, [flag])
                await hammer(client, tally, version)
                if name == "nghttpd":
                    sums = (await client.get("/small.txt")).trailers.get("x-sum")
                    tally.note("trailers", sums, "7")
                if version == "2" and kind.signal != signal.SIGTERM:
                    await hand_over(client, process, kind.signal, tally)
            tell(f"{name} {version_of(kind)}", f"HTTP/{version}{', TLS' if is_tls else ''}", tally)


def version_of(kind: Kind) -> str:
    """Return the version that a program says it has."""
    program = shutil.which(kind.program, path=PATH) or kind.program
    said = subprocess.run([program, kind.version], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+(\.\d+)?", said.stdout + said.stderr)
    return found[0] if found else "?"


async def through_squid(root: Path, behind: int) -> None:
    """Ask over a forward proxy, by request and by CONNECT."""
    kind = Kind("squid", "squid -N -f {file}", SQUID, tls=False)
    with running(kind, root, behind) as (port, _, _):
        options = Options(base_url=f"http://127.0.0.1:{behind}", proxy=f"http://127.0.0.1:{port}")
        tally = Tally()
        proxy = f"http://127.0.0.1:{port}"
        other = httpx.AsyncClient(base_url=f"http://127.0.0.1:{behind}", proxy=proxy, timeout=20)
        async with Client(options=options) as client, other:
            more = ["-x", proxy, "--http1.1", "--noproxy", ""]
            await compare(client, other, options.base_url, root, tally, more)
        tell(f"squid {version_of(kind)}", "proxy", tally)


def tell(server: str, protocol: str, tally: Tally) -> None:
    """Print a row of the table, and what did not pass."""
    cases = tally.passed + len(tally.failed)
    sys.stdout.write(f"| {server} | {protocol} | {cases} | {tally.passed} |\n")
    for failed in tally.failed:
        sys.stdout.write(f"    {failed[:300]}\n")
    sys.stdout.flush()


def main(names: list[str]) -> None:
    """Judge all servers that are asked for."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        ground = Path(folder) / "origin"
        fill(ground, authority)
        with running(KINDS["nginx"], ground, 0) as (behind, _, _):
            for name in names or [*KINDS, "squid"]:
                root = Path(folder) / name
                fill(root, authority)
                act: Callable = through_squid if name == "squid" else partial(judge, name)
                anyio.run(act, root, behind, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help=", ".join([*KINDS, "squid"]))
    main(parser.parse_args().names)
