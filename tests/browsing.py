"""People at real browsers: they sign in, go from page to page, and every page they see is looked over.

Faults are collected: errors on the console, violations of the content policy, broken answers, inputs without a label, pictures without words,
pages without one heading, pages wider than the window. The test ends with `faults == []`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, Response, ViewportSize

from tests.running import ROOT, Desk
from tests.skip_guard import chromium

PASSWORD = "desk-test-2026"
DESKTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
SAID = (403, 404, 409, 422)
"""Answers that say something to a person; a browser notes each on its console."""
TELL_VIOLATIONS = "document.addEventListener('securitypolicyviolation', e => console.error('content policy: ' + e.violatedDirective + ' ' + e.blockedURI));"
LOOK_OVER = """() => {
  const bad = [], shown = e => e.getClientRects().length > 0;
  document.querySelectorAll("input:not([type=hidden]), select, textarea").forEach(e => {
    if (!(e.labels && e.labels.length) && !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby"))
      bad.push("no label: " + e.outerHTML.slice(0, 120));
  });
  document.querySelectorAll("img:not([alt])").forEach(e => bad.push("no words for a picture: " + e.outerHTML.slice(0, 120)));
  const headings = Array.from(document.querySelectorAll("h1")).filter(shown).length;
  if (headings !== 1) bad.push(headings + " headings of the first rank");
  document.querySelectorAll("a, button").forEach(e => {
    if (shown(e) && !(e.getAttribute("aria-label") || e.textContent).trim()) bad.push("no name: " + e.outerHTML.slice(0, 120));
  });
  const seen = new Set();
  document.querySelectorAll("[id]").forEach(e => { if (seen.has(e.id)) bad.push("two of the id " + e.id); seen.add(e.id); });
  if (!document.documentElement.lang) bad.push("no language");
  if (document.documentElement.scrollWidth > window.innerWidth + 1) bad.push("wider than the window");
  return bad;
}"""


def told(desk: Desk, story: str, *words: Any) -> Any:
    """Run a function of tests.house in a process of the desk's own environment, one for all of them; what it returns."""
    teller = desk.teller or _teller(desk)
    assert teller.stdin
    assert teller.stdout
    teller.stdin.write(json.dumps([story, words]) + "\n")
    teller.stdin.flush()
    answer = json.loads(teller.stdout.readline())
    assert "failed" not in answer, answer["failed"]
    return answer["returned"]


def _teller(desk: Desk) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "manage.py", "shell", "--no-imports", "-c", "from tests import house; house.tell()"]
    with desk.output.open("ab") as log:
        desk.teller = subprocess.Popen(command, cwd=ROOT, env=desk.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    return desk.teller


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])


class Floor:
    """One desk, one browser, any number of people with a window each; `shots` is where pictures of each step go."""

    def __init__(self, desk: Desk, browser: Browser, shots: Path) -> None:
        self.desk, self.browser, self.shots = desk, browser, shots
        self.faults: list[str] = []
        self.windows: list[BrowserContext] = []
        shots.mkdir(parents=True, exist_ok=True)

    def enter(self, username: str, viewport: ViewportSize = DESKTOP, **more: Any) -> Person:
        """A window of their own, signed in."""
        phone = viewport == PHONE
        window = self.browser.new_context(
            viewport=viewport, base_url=self.desk.address, locale="zh-CN", timezone_id="Asia/Shanghai", has_touch=phone, is_mobile=phone, **more
        )
        window.set_default_timeout(10_000)
        self.windows.append(window)
        person = Person(self, window.new_page(), username)
        person.sign_in()
        return person

    def leave(self) -> None:
        while self.windows:
            self.windows.pop().close()


class Person:
    def __init__(self, floor: Floor, page: Page, username: str) -> None:
        self.floor, self.page, self.username = floor, page, username
        page.add_init_script(TELL_VIOLATIONS)
        page.on("console", lambda m: self._fault(m.text) if m.type == "error" and not expected(m.text) else None)
        page.on("pageerror", lambda error: self._fault(f"script: {error}"))
        page.on("response", self._judge)

    def _fault(self, words: str) -> None:
        self.floor.faults.append(f"{self.username} at {self.page.url.removeprefix(self.floor.desk.address)}: {words}")

    def _judge(self, response: Response) -> None:
        in_page = response.request.resource_type in ("document", "fetch", "xhr")
        if response.status >= 500 or (response.status >= 400 and not (in_page and response.status in SAID)):
            self._fault(f"{response.status} for {response.url}")

    def sign_in(self) -> None:
        self.go("/accounts/sign-in/")
        self.page.fill("[name=username]", self.username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click(".form-actions button")
        self.page.wait_for_url("**/desk/**")
        self.look()

    def go(self, path: str) -> int:
        """The answer's status; the page is looked over."""
        answer = self.page.goto(path)
        self.look()
        assert answer
        return answer.status

    def look(self, name: str = "") -> None:
        """Look the page over; with a name, keep a picture of it."""
        self.page.wait_for_load_state()
        for fault in self.page.evaluate(LOOK_OVER):
            self._fault(fault)
        if name:
            self.page.screenshot(path=self.floor.shots / f"{name}.png")

    def does(self, move: str, words: dict[str, Any] | None = None, *, name: str = "") -> None:
        """Press the button of a move or an act, fill its dialog, send it; the page comes again."""
        self.open(move)
        fill(self.page.locator("dialog[open]"), words or {})
        if name:
            self.look(name)
        with self.page.expect_navigation():
            self.page.click("dialog[open] .sheet-foot button")
        self.look()

    def open(self, move: str) -> None:
        button = self.page.locator(f'a[href*="/moves/{move}/"], a[href*="/acts/{move}/"]').first
        if not button.is_visible():
            self.page.click(".more-moves summary")
        button.click()
        self.page.wait_for_selector("dialog[open]")

    def send(self, selector: str) -> None:
        """Press a button that leads to another page."""
        with self.page.expect_navigation():
            self.page.click(selector)
        self.look()

    def posts(self, path: str, words: dict[str, str] | None = None) -> int:
        """What a tool would send in this person's name, past the pages; the answer's status."""
        cookies = {c["name"]: c["value"] for c in self.page.context.cookies()}
        token = cookies.get("csrftoken", "")
        form: dict[str, str | float | bool] = {"csrfmiddlewaretoken": token, **(words or {})}
        headers = {"Referer": self.floor.desk.address}
        return self.page.request.post(path, form=form, headers=headers, max_redirects=0).status

    def story(self) -> list[str]:
        """The lines of the story as they are read: title, then who did what."""
        return [" ".join(line.split()) for line in self.page.locator("#story .entry .line").all_inner_texts()]

    @property
    def text(self) -> str:
        return self.page.inner_text("body")


def expected(words: str) -> bool:
    """What the browser and htmx put on the console for every answer that says no."""
    found = re.search(r"status of (\d+)|Status Error Code (\d+)", words)
    return bool(found and int(found[1] or found[2]) in SAID)


def fill(place: Locator, words: dict[str, Any]) -> None:
    """Fields by their name, else by the end of it: text is typed, an option chosen, a radio button ticked."""
    for name, value in words.items():
        field = place.locator(f'[name="{name}"]:not([type=hidden])')
        if not field.count():
            field = place.locator(f'[name$="{name}"]:not([type=hidden])')
        kind = field.first.evaluate("e => e.type")
        if kind == "radio":
            place.locator(f'[name$="{name}"][value="{value}"]').check(force=True)
        elif kind == "select-one":
            field.first.select_option(option(field.first, str(value)))
        else:
            field.first.fill(str(value))


def option(field: Locator, wanted: str) -> str:
    """The value of an option by its value, its words or a part of them."""
    options: list[tuple[str, str]] = field.evaluate("e => Array.from(e.options, o => [o.value, o.textContent.trim()])")
    same = [value for value, words in options if wanted in (value, words)] or [value for value, words in options if wanted in words]
    assert same, f"{wanted} is not among {options}"
    return same[0]


def shots_folder(fallback: Path) -> Path:
    """Where the pictures go: DESK_SHOTS, else the folder of the test run."""
    return Path(os.environ["DESK_SHOTS"]) if os.environ.get("DESK_SHOTS") else fallback
