"""The console in a real browser, before a real service: `check.py PROGRAM [PICTURES]`.

It shows the figures that the service has, its buttons change what is served, it asks for a token where one is needed, works by
keyboard and on a telephone, and never complains. With a directory as second argument, pictures of it are left there.
"""

import contextlib
import json
import pathlib
import re
import sys
import tempfile

from browser import Browser, eventually
from service import Service

ADMIN_TOKEN, READER_TOKEN = "an-operators-token-0123", "a-readers-token-01234567"


def main(program, pictures=None):
    checks = (figures, rollback, lifecycle, try_it, tokens, looks, empty, gone)
    with Browser() as browser:
        browser.pictures = pictures and pathlib.Path(pictures)
        for check in checks:
            check(browser, program)
            assert not browser.complaints, f"{check.__name__}: {browser.complaints}"
            print(f"{check.__name__} holds")


def figures(browser, program):
    """The page shows what the service counted."""
    with site(browser, program) as service, service.traffic():
        visit(browser, service)
        eventually(lambda: agree(browser, service), "the page shows the rate that the service has")
        browser.until("/^[0-9.]+$/.test(document.querySelector('#p99').textContent)")
        browser.until("document.querySelector('.area.table')?.getAttribute('points').length > 10")
        assert "%" in browser.value("document.querySelector('.legend dd').textContent")
        facts = browser.value("document.querySelector('#serving').textContent")
        assert "8,838 histories" in facts and "online-retail-k100" in facts, facts
        picture(browser, "figures")


def agree(browser, service):
    """Whether page and service say the same rate, as near as two looks at it can."""
    shown = number(browser, "#requests")
    told = (service.shown("/admin/v1/figures")["now"] or {"requests_per_s": 0})["requests_per_s"]
    return told > 5 and 0.8 < shown / told < 1.25


def rollback(browser, program):
    """An activation and a rollback by their buttons change what is served, and the page says so."""
    with site(browser, program) as service, service.traffic():
        visit(browser, service)
        act(browser, "second", "Activate")
        served(browser, service, "second")
        press(browser, "Roll back", "first")
        text = browser.value("document.querySelector('dialog').textContent")
        assert "second serves now" in text, text
        picture(browser, "dialog")
        browser.key("Escape")
        browser.until("document.querySelector('dialog') === null")
        assert service.asked([25, 8])["release"] == "second", "Escape must change nothing"
        assert browser.value("document.activeElement.dataset.key") == "Roll back first", "the focus goes back to its button"
        press(browser, "Roll back", "first")
        browser.key("Enter")
        served(browser, service, "first")


def lifecycle(browser, program):
    """A release is staged, tried, promoted, pinned and barred from the page."""
    with site(browser, program) as service, service.traffic():
        visit(browser, service)
        act(browser, "second", "Stage")
        standing(browser, "second", "staged")
        share(browser, "second", "Canary", 50)
        standing(browser, "second", "canary")
        releases = {service.asked([25, 8], f"somebody-{number}")["release"] for number in range(64)}
        assert releases == {"first", "second"}, releases
        browser.until("document.querySelector('#trial').textContent.includes('50 % of callers')")
        browser.until("document.querySelectorAll('.answer').length === 2")
        picture(browser, "trial")
        press(browser, "Promote", "second")
        browser.key("Enter")
        served(browser, service, "second")
        act(browser, "second", "Pin")
        browser.until("document.querySelector('#serving .tag:not([hidden])')?.textContent === 'pinned'")
        browser.until(f"{button('Roll back', 'first')}.disabled")
        press(browser, "Unpin", "second")
        browser.key("Enter")
        browser.until(f"!{button('Roll back', 'first')}.disabled")
        act(browser, "second", "Quarantine", lambda: browser.type("it answers in rhymes"))
        standing(browser, "second", "quarantined")
        served(browser, service, "first")
        assert "it answers in rhymes" in browser.value(f"{row('second')}.textContent")
        entry = service.shown("/admin/v1/releases/second")
        assert entry["standing"] == "quarantined", entry


def try_it(browser, program):
    """What is tried by keyboard is what a caller gets."""
    with site(browser, program) as service:
        visit(browser, service)
        browser.value("document.querySelector('[role=combobox]').focus()")
        for typed in ("25", "8"):
            browser.type(typed)
            browser.until("document.querySelector('[role=option][aria-selected=true]')")
            browser.key("Enter")
            browser.until("document.querySelector('[role=listbox]').hidden")
        browser.until("document.querySelectorAll('.chip').length === 2")
        names = [candidate["name"] for candidate in service.asked([25, 8])["candidates"]]
        shown = "[...document.querySelectorAll('.candidates .name')].map((one) => one.textContent)"
        browser.until(f"JSON.stringify({shown}) === {json_text(names)}")
        browser.key("Backspace")
        browser.until("document.querySelectorAll('.chip').length === 1")


def tokens(browser, program):
    """A door that asks for tokens is not shown to who has none, and changed by no reader."""
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
        file.write(f"operator ada {ADMIN_TOKEN}\nreader bob {READER_TOKEN}\n")
        file.flush()
        with site(browser, program, "--admin-token-file", file.name, "--admin-reads", "token") as service:
            visit(browser, service, rows=False)
            token(browser, "not-a-token-at-all")
            browser.until("document.querySelector('dialog [role=alert]').textContent.includes('does not know')")
            picture(browser, "token")
            token(browser, READER_TOKEN)
            browser.until("document.querySelector('#who').textContent === 'bob, reader'")
            browser.until(row('second'))
            browser.click(more("second"))
            browser.until("[...document.querySelectorAll('#menu button')].every((one) => one.disabled)")
            browser.key("Escape")
            browser.click("document.querySelector('#session')")
            token(browser, ADMIN_TOKEN)
            browser.until("document.querySelector('#who').textContent === 'ada, operator'")
            browser.until(f"{row('second')}?.dataset.blocked === undefined")
            act(browser, "second", "Activate")
            standing(browser, "second", "current")
            browser.value("sessionStorage.clear()")


def looks(browser, program):
    """It fits a telephone, follows the system's colours, and Tab reaches every control, each with a name."""
    with site(browser, program) as service, service.traffic():
        for width, scheme in ((1360, "light"), (1360, "dark"), (390, "light"), (390, "dark"), (320, "light")):
            browser.size(width, 900)
            browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
            visit(browser, service)
            eventually(lambda: number(browser, "#requests") > 0, "requests are counted")
            wide = browser.value("document.documentElement.scrollWidth")
            assert wide <= width, f"{wide} pixels at a width of {width}"
            picture(browser, f"{width}-{scheme}")
        grounds = set()
        for scheme in ("light", "dark"):
            browser.prefer(prefers_color_scheme=scheme)
            grounds.add(browser.value("getComputedStyle(document.body).backgroundColor"))
        assert len(grounds) == 2, grounds
        browser.size(1360, 900)
        nameless = "[...document.querySelectorAll('button, input, select')].filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length))"
        assert browser.value(f"{nameless}.length") == 0
        browser.value("document.activeElement.blur()")
        reached = set()
        for _ in range(30):
            browser.key("Tab")
            reached.add(browser.value("document.activeElement.dataset.key ?? document.activeElement.id ?? ''"))
        assert {"theme", "open first", "more first", "more second"} <= reached, reached
        assert browser.value("getComputedStyle(document.activeElement).outlineStyle") != "none"


def empty(browser, program):
    """A store without a release is no failure of the page's."""
    with site(browser, program, empty=True) as service:
        visit(browser, service, rows=False)
        browser.until("document.querySelector('#state').textContent.includes('No release')")
        browser.until("document.querySelector('#releases').textContent.includes('segue push')")
        picture(browser, "empty")


def gone(browser, program):
    """A service that goes away is said to be gone, and what was last seen stays."""
    with site(browser, program) as service:
        visit(browser, service)
        service.stop()
        browser.until("document.querySelector('#state').textContent.includes('Unreachable')")
        assert browser.value("document.querySelectorAll('.row').length") == 2
        picture(browser, "gone")
    # A connection that is refused is the browser's complaint, not the page's.
    browser.complaints = [one for one in browser.complaints if "ERR_CONNECTION_REFUSED" not in one]


@contextlib.contextmanager
def site(browser, program, *flags, empty=False):
    """A service, which the browser leaves before it ends: a page that asks on would complain."""
    with Service(program, *flags, empty=empty) as service:
        yield service
        browser.open("about:blank")


def visit(browser, service, rows=True):
    browser.open(service.page)
    if rows:
        browser.until("document.querySelectorAll('.row').length === 2")


def served(browser, service, version):
    """Both what callers get and what the page shows."""
    standing(browser, version, "current")
    browser.until(f"document.querySelector('#serving .version').textContent === '{version}'")
    assert service.asked([25, 8])["release"] == version


def standing(browser, version, word):
    browser.until(f"{row(version)}?.querySelector('.pill').textContent === '{word}'")


def act(browser, version, label, fill=None):
    """Chooses from a row's menu, and confirms."""
    browser.click(more(version))
    browser.click(f"[...document.querySelectorAll('#menu button')].find((one) => one.textContent === '{label}')")
    confirm(browser, fill)


def share(browser, version, label, percent):
    browser.click(more(version))
    browser.click(f"[...document.querySelectorAll('#menu button')].find((one) => one.textContent === '{label}')")
    confirm(browser, lambda: browser.click(f"[...document.querySelectorAll('.preset')].find((one) => one.textContent === '{percent}')"))


def confirm(browser, fill):
    browser.until("document.querySelector('dialog[open]')")
    if fill:
        fill()
    browser.click("document.querySelector('dialog button[type=submit]')")
    browser.until("document.querySelector('dialog') === null")


def press(browser, label, version):
    """Presses a button of a row, by the keyboard."""
    browser.until(f"{button(label, version)} && !{button(label, version)}.disabled")
    browser.value(f"{button(label, version)}.focus()")
    browser.key("Enter")
    browser.until("document.querySelector('dialog[open]')")


def token(browser, text):
    browser.until("document.querySelector('dialog[open] input[type=password]')")
    browser.value("(() => { const field = document.querySelector('dialog input'); field.focus(); field.select(); })()")
    browser.type(text)
    browser.key("Enter")


def row(version):
    return f"document.querySelector('.row[data-version=\"{version}\"]')"


def button(label, version):
    return f"document.querySelector('[data-key=\"{label} {version}\"]')"


def more(version):
    return button("more", version)


def json_text(value):
    return json.dumps(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def number(browser, selector):
    """The number that an element shows, 0 where it shows none."""
    text = browser.value(f"document.querySelector('{selector}')?.textContent") or ""
    return float(text.replace(",", "")) if re.fullmatch(r"[0-9.,]+", text) else 0


def picture(browser, name):
    if browser.pictures:
        browser.picture(browser.pictures / f"{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
