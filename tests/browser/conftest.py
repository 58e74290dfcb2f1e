"""A real JupyterLab and Notebook on loopback, and Debian's Chromium to look at them with.

Pictures of what the tests saw go to the directory that MURMUR_SCREENSHOTS names.
MURMUR_BROWSER_KERNEL names another interpreter for the cells, to test it with its ipykernel.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed; `pip install playwright` brings it"
)
pytest.importorskip(
    "jupyterlab", reason="jupyterlab is not installed; `pip install -e '.[lab]'` brings it"
)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
NOT_RUN = ("", "[ ]:")  # the prompt of a cell that was not run yet
PATIENCE = 120.0
"""Seconds after which a wait has failed: how long a page takes on a busy machine proves nothing."""
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")

# How many pixels of a canvas are coloured: axes and text are grey.
INK = """
(selector) => {
  const canvas = document.querySelector(selector);
  if (!canvas || !canvas.width || !canvas.height) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b, a] = data.slice(i, i + 4);
    if (a > 20 && Math.max(r, g, b) - Math.min(r, g, b) > 40) count++;
  }
  return count;
}
"""
OVERFLOW = """
() => Math.max(...[...document.querySelectorAll(".murmur-panel .mm-card")].map(
  (card) => card.scrollWidth - card.clientWidth))
"""

SCENARIO = '''\
import murmur
from traitlets import Bool, Enum, Float, Int, Unicode


class Echo(murmur.Scenario):
    """Users say something and wait for the answer."""

    port = Int(8888, min=1, max=65535, help="the server's port")
    pace = Float(0.2, min=0, help="seconds between messages").tag(live=True)
    tone = Enum(["polite", "loud"], "polite", help="how to speak").tag(live=True)
    tls = Bool(False, help="whether to encrypt")
    password = Unicode("", help="what the server asks for").tag(secret=True)

    async def init(self):
        self.messages = await murmur.throttle("messages", rate=300, interval=1)

    async def start(self, user):
        while True:
            await self.messages.wait()
            with user.timer("echo"):
                await user.sleep(user.random.lognormvariate(-4, 0.6))
            if user.random.random() < 0.02:
                user.record("login", 0.05, ok=False)
            await user.sleep(self.pace)


session = murmur.session()'''


class Server:
    """A Jupyter server whose files are in a directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.token = secrets.token_hex(8)
        self.port = _free_port()
        self.log = (root / "server.log").open("w+")

    def start(self) -> None:
        settings = self.root / "settings"
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        for name in ("settings", "config", "data", "runtime"):
            (self.root / name).mkdir()
        whole = {"windowingMode": "none"}  # cells out of sight stay in the page
        overrides = {
            "@jupyterlab/apputils-extension:notification": quiet,
            "@jupyterlab/notebook-extension:tracker": whole,
        }
        (settings / "overrides.json").write_text(json.dumps(overrides))
        if python := os.environ.get("MURMUR_BROWSER_KERNEL"):
            self._use_kernel(python)
        arguments = {
            "ServerApp.root_dir": self.root,
            "ServerApp.port": self.port,
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.open_browser": False,
            "ServerApp.port_retries": 0,
            "IdentityProvider.token": self.token,
            "LabApp.app_settings_dir": settings,
        }
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(self.root / "config"),
            "JUPYTER_DATA_DIR": str(self.root / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.root / "runtime"),
            "IPYTHONDIR": str(self.root / "ipython"),
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--allow-root",
                *(f"--{name}={value}" for name, value in arguments.items()),
            ],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=self.root,
        )
        wait_until(self.answers, story=self.story)

    def _use_kernel(self, python: str) -> None:
        """Let another interpreter run the cells, such as one with an older ipykernel."""
        place = self.root / "data" / "kernels" / "python3"
        place.mkdir(parents=True)
        command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "Python 3", "language": "python"}
        (place / "kernel.json").write_text(json.dumps(spec))

    def answers(self) -> bool:
        """Return whether the server takes requests."""
        try:
            self.ask("api")
        except OSError:
            return False
        return True

    def ask(self, path: str, method: str = "GET") -> Any:
        """Return what the server's API says."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self) -> None:
        for kernel in self.ask("api/kernels"):
            self.ask(f"api/kernels/{kernel['id']}", "DELETE")
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # it asks its kernels once more
            self.process.kill()
            self.process.wait()
        self.log.close()

    def story(self) -> str:
        """Return what the server has written."""
        self.log.seek(0)
        return self.log.read()


class Notebook:
    """A notebook that is open in the browser."""

    def __init__(self, page: Any, server: Server, name: str) -> None:
        self.page = page
        self.server = server
        self.name = name
        self.panel = page.locator(".murmur-panel").first

    def cell(self, place: int) -> Any:
        """Return the cell at a place, from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(place)

    def run(self, place: int, *, wait: bool = True) -> None:
        """Run a cell as a person does, and wait until it is done."""
        cell = self.cell(place)
        before = self._prompt(cell)

        def start() -> bool:
            try:
                accept = self.page.locator(".jp-Dialog .jp-mod-accept")
                if accept.count():
                    accept.first.click(timeout=2000)
                cell.locator(".jp-InputPrompt").first.click(timeout=2000)
            except playwright.Error:
                return False  # Notebook draws its cells anew once, a moment after loading
            self.page.keyboard.press("Escape")
            self.page.keyboard.press("Control+Enter")
            # The page swallows a key now and then while it is still being built.
            return self._within(5, lambda: self._prompt(cell) not in (before, *NOT_RUN))

        wait_until(start)
        if wait:
            wait_until(lambda: self._prompt(cell) not in (before, "[*]:", *NOT_RUN))

    def write(self, place: int, source: str) -> None:
        """Replace the source of a cell."""
        self.cell(place).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Escape")

    def menu(self, *names: str) -> None:
        """Choose an entry of the menu."""
        first, *rest = names
        self.page.locator(f".lm-MenuBar-item:has-text('{first}')").click()
        for name in rest:
            self.page.locator(".lm-Menu-item", has_text=name).first.click()

    def kernel(self, verb: str) -> None:
        """Interrupt or restart the kernel."""
        (session,) = [one for one in self.server.ask("api/sessions") if one["path"] == self.name]
        self.server.ask(f"api/kernels/{session['kernel']['id']}/{verb}", "POST")

    def text(self, place: int) -> str:
        """Return the outputs of a cell as text."""
        return str(self.cell(place).locator(".jp-OutputArea").inner_text())

    def button(self, name: str, place: int = 0) -> Any:
        """Return a button of a panel by the text on it, or by the name it has for a reader."""
        panel = self.page.locator(".murmur-panel").nth(place)
        named = f'button:has(span:text-is("{name}")), button[aria-label="{name}"]'
        return panel.locator(named).locator("visible=true").first

    def row(self, throttle: str) -> Any:
        """Return the row of a throttle."""
        return self.panel.locator(".mm-throttle-table tr", has_text=throttle).first

    def is_drawn(self, chart: str) -> bool:
        """Return whether a chart of the first panel shows more than its frame."""
        return bool(self.page.evaluate(INK, f".mm-chart-{chart} canvas") > 150)

    def column(self, title: str) -> float:
        """Return how far to the left a card begins."""
        card = self.panel.locator(".mm-card", has=self.page.locator(f'h3:text-is("{title}")'))
        return float(card.bounding_box()["x"])

    def overflow(self) -> float:
        """Return by how many pixels something of the panel is wider than its card."""
        return float(self.page.evaluate(OVERFLOW))

    def weight(self) -> dict[str, float]:
        """Return listeners, nodes and bytes that the page holds after it has tidied up."""
        tools = self.page.context.new_cdp_session(self.page)
        tools.send("HeapProfiler.collectGarbage")
        counts = tools.send("Memory.getDOMCounters")
        heap = tools.send("Runtime.getHeapUsage")["usedSize"]
        tools.detach()
        return {"listeners": counts["jsEventListeners"], "nodes": counts["nodes"], "heap": heap}

    def save(self) -> None:
        """Save the notebook, and wait until the file is written."""
        path = self.server.root / self.name
        before = path.stat().st_mtime_ns
        # From a cell: a key that is pressed in the panel is the panel's.
        self.cell(0).locator(".jp-InputPrompt").first.click()
        self.page.keyboard.press("Control+s")
        wait_until(lambda: path.stat().st_mtime_ns != before)

    def saved(self) -> str:
        """Return the file of the notebook, saved just now."""
        self.save()
        return (self.server.root / self.name).read_text()

    def field(self, label: str, place: int = 0) -> Any:
        """Return the input of a panel with that label."""
        panel = self.page.locator(".murmur-panel").nth(place)
        return panel.get_by_label(label, exact=True).and_(self.page.locator("input, select"))

    def fill(self, label: str, text: str, place: int = 0) -> None:
        """Type into an input and leave it."""
        field = self.field(label, place)
        field.fill(text)
        field.blur()

    def figure(self, caption: str, place: int = 0) -> float:
        """Return the number below a caption."""
        panel = self.page.locator(".murmur-panel").nth(place)
        card = panel.locator(".mm-figure", has_text=caption)
        text = card.locator(".mm-value").inner_text().replace(",", "")
        return float(text) if text[0].isdigit() else float("nan")

    @property
    def state(self) -> str:
        """What the badge says."""
        return str(self.panel.locator(".mm-badge").inner_text())

    @property
    def said(self) -> str:
        """What the panel said last."""
        return str(self.panel.locator(".mm-said").inner_text())

    def story(self) -> str:
        """Return what the panel tells, for a test that waits in vain."""
        warning = self.panel.locator(".mm-warning").inner_text()
        return f"{self.state}; said: {self.said!r}; warned: {warning!r}"

    def _prompt(self, cell: Any) -> str:
        return str(cell.locator(".jp-InputPrompt").first.inner_text()).strip()

    def _within(self, seconds: float, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.page.wait_for_timeout(30)
        return True


def wait_until(
    condition: Callable[[], object], seconds: float = PATIENCE, story: Callable[[], object] = str
) -> None:
    """Look until `condition` holds; fail with a story after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"nothing came of it in {seconds} s: {story()}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Return `wait_until`."""
    return wait_until


@pytest.fixture(scope="module")
def server(program: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of JupyterLab, which knows Notebook's pages as well."""
    program("chromium")
    started = Server(tmp_path_factory.mktemp("jupyter"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def chromium(program: Any) -> Iterator[Any]:
    """Return the browser.

    While it is there Playwright's loop runs in this thread, and no asynchronous test can:
    so it does not outlive the module.
    """
    path = program("chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(chromium: Any) -> Iterator[Any]:
    """Return what all pages share: above all, the scripts that they have loaded already."""
    made = chromium.new_context(viewport={"width": 1500, "height": 1400})
    made.set_default_timeout(1000 * PATIENCE)
    yield made
    made.close()


DEBUGGER = "Could not restore the debugger state"
"""What JupyterLab complains of if a kernel ends while it asks for that."""


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    """Return a page that remembers what it asked of other machines, and its errors."""
    opened = context.new_page()
    opened.strangers, opened.errors = [], []
    opened.on(
        "request",
        lambda it: None if it.url.startswith(LOCAL) else opened.strangers.append(it.url),
    )
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on(
        "console",
        lambda it: (
            opened.errors.append(it.text)
            if it.type == "error" and not it.text.startswith(DEBUGGER)
            else None
        ),
    )
    yield opened
    opened.close()


@pytest.fixture
def open_notebook(server: Server, page: Any) -> Iterator[Callable[..., Notebook]]:
    """Return a function that opens a notebook with some cells, and ends its kernel later."""
    names: list[str] = []

    def open_one(*cells: str, front_end: str = "doc/tree") -> Notebook:
        name = f"{secrets.token_hex(4)}.ipynb"
        names.append(name)
        document = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in (SCENARIO, *cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(document, server.root / name)
        address = f"http://127.0.0.1:{server.port}/{front_end}/{name}?token={server.token}"
        page.goto(address + ("&reset" if "doc" in front_end else ""))
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_selector(
            '.jp-Notebook-ExecutionIndicator[data-status="idle"], .jp-NotebookKernelStatus'
        )
        notebook = Notebook(page, server, name)
        notebook.run(0)
        return notebook

    yield open_one
    for one in server.ask("api/sessions"):
        if one["path"] in names:
            server.ask(f"api/sessions/{one['id']}", "DELETE")


@pytest.fixture
def picture(page: Any, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that keeps a picture, of the first panel unless told of what else."""
    directory = os.environ.get("MURMUR_SCREENSHOTS")

    def take(name: str, of: str = ".murmur-panel") -> None:
        if directory is None:
            return
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        page.locator(of).first.screenshot(path=target / f"{name}.png")

    return take


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
