"""What leaves a page that is used: everything the contract knows, nothing that it forbids."""

import secrets
import string
from datetime import datetime
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Open, module_head
from tests.browser.gateway import RecordingGateway, Seen
from tests.browser.site import Site


def sent(page: Page, gateway: RecordingGateway) -> list[Seen]:
    """Let the page send what it has; give all batches."""
    assert page.evaluate("telltale.analyze()")["status"] == "judged"
    return gateway.all("data")


def events_of(batches: list[Seen], kind: str) -> list[dict[str, Any]]:
    return [event for batch in batches for event in batch.events(kind)]


def tracks_of(batches: list[Seen], kind: str) -> list[dict[str, Any]]:
    return [track for batch in batches for track in batch.tracks(kind)]


def test_a_mouse_is_a_track_and_its_clicks_are_events(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    for step in range(20):
        page.mouse.move(100 + 10 * step, 300 + 3 * step)
    page.click("#pay", delay=60)
    batches = sent(page, gateway)

    (track,) = tracks_of(batches, "pointer.move")
    assert track["pointer"] == "mouse" and track["trusted"] is True
    assert track["t"][0] == 0 and track["t"] == sorted(track["t"])
    assert len(track["x"]) == len(track["y"]) == len(track["t"]) >= 5
    assert track["x"][0] == 100 and track["y"][0] == 300

    (down,), (up,) = events_of(batches, "pointer.down"), events_of(batches, "pointer.up")
    assert down["button"] == 0 and down["trusted"] is True and down["pointer"] == "mouse"
    assert datetime.fromisoformat(down["occurred_at"]) < datetime.fromisoformat(up["occurred_at"])
    # The middle of the button's text was hit, which has neither id nor name.
    assert "target" not in down


def test_a_key_is_its_class_and_how_long_it_was_held(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.focus("#email")
    for key in ("a", "7", "@", "Backspace", "ArrowLeft", "Shift", "Tab"):
        page.keyboard.press(key, delay=30)
    batches = sent(page, gateway)

    presses = events_of(batches, "key.press")
    assert [press["key_class"] for press in presses] == [
        "letter", "digit", "punctuation", "backspace", "arrow", "modifier", "tab",
    ]  # fmt: skip
    assert all(25 <= press["dwell_ms"] < 1_000 for press in presses)
    assert {press["target"] for press in presses} == {"email"}
    assert set().union(*presses) == {"type", "occurred_at", "key_class", "dwell_ms", "target", "trusted"}


def test_a_key_held_down_is_one_press(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.focus("#email")
    page.keyboard.down("x")
    page.keyboard.down("x")
    page.keyboard.down("x")
    page.keyboard.up("x")
    (press,) = events_of(sent(page, gateway), "key.press")
    assert "repeat" not in press


def test_a_key_still_down_is_told_without_its_hold(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.focus("#email")
    page.keyboard.down("x")
    (press,) = events_of(sent(page, gateway), "key.press")
    assert "dwell_ms" not in press
    page.keyboard.up("x")
    page.keyboard.press("y")
    presses = events_of(sent(page, gateway), "key.press")
    assert len(presses) == 2


def test_attention_is_told_from_the_start(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.focus("#email")
    page.focus("#notes")
    batches = sent(page, gateway)
    first = batches[0].events()[0]
    assert first["type"] == "visibility.changed" and first["state"] == "visible"
    assert [event.get("target") for event in events_of(batches, "focus.gained")] == ["email", "notes"]
    assert [event.get("target") for event in events_of(batches, "focus.lost")] == ["email"]


def test_an_element_focused_before_the_start_is_told(
    context: BrowserContext, site: Site, gateway: RecordingGateway
) -> None:
    page = context.new_page()
    page.goto(site.form("<script>addEventListener('DOMContentLoaded', () => city.focus())</script>", "/autofocus.html"))
    page.evaluate(
        """async ([key, endpoint]) => {
             const { start } = await import("/dist/telltale.js");
             window.telltale = start({ key, endpoint });
           }""",
        ["tp_0123456789abcdef_x", gateway.url],
    )
    assert [event["target"] for event in events_of(sent(page, gateway), "focus.gained")] == ["city"]


def test_fields_tell_how_they_were_filled_and_how_long_they_are(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.click("#email")
    page.keyboard.type("me@example.org")
    page.keyboard.press("Tab")
    page.evaluate(
        """() => {
             const field = document.getElementById("street");
             field.value = "Elm Street 7";
             field.dispatchEvent(new Event("input", { bubbles: true }));
             field.dispatchEvent(new Event("change", { bubbles: true }));
           }"""
    )
    page.select_option("#country", "FR")
    page.click("#terms")
    changes = {event["field"]: event for event in events_of(sent(page, gateway), "form.changed")}
    assert changes["email"]["method"] == "typed" and changes["email"]["length"] == 14
    assert changes["street"]["method"] == "script" and changes["street"]["trusted"] is False
    assert changes["street"]["length"] == 12
    assert "length" not in changes["country"] and "length" not in changes["terms"]
    assert "method" not in changes["terms"]


def test_a_paste_is_told_with_its_length(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.fill("#name", "twelve chars")
    page.locator("#name").select_text()
    page.keyboard.press("Control+c")
    page.click("#notes")
    page.keyboard.press("Control+v")
    page.click("#city")
    batches = sent(page, gateway)
    used = [(event["action"], event["length"], event["target"]) for event in events_of(batches, "clipboard.used")]
    assert used == [("copy", 12, "name"), ("paste", 12, "notes")]
    notes = [event for event in events_of(batches, "form.changed") if event["field"] == "notes"]
    assert [(event["method"], event["length"]) for event in notes] == [("pasted", 12)]


def test_a_submitted_form_is_told_before_the_page_is_left(
    open_form: Open, gateway: RecordingGateway, site: Site
) -> None:
    site.put("/thanks.html", "<title>Thanks</title>")
    page = open_form()
    gateway.until_seen("begin")
    page.wait_for_function("telltale.sessionId")
    page.evaluate("document.querySelector('#checkout').requestSubmit()")
    page.wait_for_url("**/thanks.html*")
    gateway.until(lambda: any(seen.what == "data" for seen in gateway.seen), "the last batch")
    (submitted,) = events_of(gateway.all("data"), "form.submitted")
    assert submitted["form"] == "checkout" and submitted["field_count"] == 10


def test_wheels_scroll_in_tracks_and_scripts_in_events_that_say_so(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.mouse.move(300, 300)
    page.mouse.wheel(0, 400)
    page.wait_for_function("scrollY === 400")
    batches = sent(page, gateway)
    (track,) = tracks_of(batches, "scroll")
    assert track["y"][-1] == 400 and "x" not in track
    assert events_of(batches, "scroll") == []

    page.wait_for_function("at => performance.now() - at > 700", arg=page.evaluate("performance.now()"))
    page.evaluate("scrollTo(0, 1000)")
    page.wait_for_function("scrollY === 1000")
    page.evaluate("new Promise(requestAnimationFrame)")
    by_script = events_of(sent(page, gateway), "scroll")
    assert [(event["source"], event["y"]) for event in by_script] == [("script", 1000)]


def test_keys_that_scroll_are_told_as_such(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.keyboard.press("End")
    page.wait_for_function("scrollY > 5000")
    page.evaluate("new Promise(requestAnimationFrame)")
    batches = sent(page, gateway)
    assert tracks_of(batches, "scroll") == []
    assert {event["source"] for event in events_of(batches, "scroll")} == {"keyboard"}


def test_fingers_are_told_as_touches_alone(browser: Any, site: Site, gateway: RecordingGateway) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(site.form(module_head(gateway)))
    page.wait_for_function("window.telltale")
    page.touchscreen.tap(100, 500)
    cdp = context.new_cdp_session(page)
    cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 50, "y": 600, "force": 0.5}]})
    for step in range(1, 9):
        point = {"x": 50 + 12 * step, "y": 600 - 2 * step, "force": 0.5}
        cdp.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    batches = sent(page, gateway)
    starts = events_of(batches, "touch.start")
    assert [(start["x"], start["y"]) for start in starts] == [(100, 500), (50, 600)]
    assert starts[1]["pressure"] == 0.5
    assert len(events_of(batches, "touch.end")) == 2
    assert tracks_of(batches, "touch.move")
    assert events_of(batches, "pointer.down") == [] and tracks_of(batches, "pointer.move") == []
    facts = gateway.all("begin")[0].document["device_fingerprint"]
    assert facts["touch_points"] > 0 and facts["primary_pointer"] == "coarse"
    context.close()


def test_what_a_script_makes_is_told_as_untrusted(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.evaluate(
        """() => {
             const at = { clientX: 50, clientY: 60, bubbles: true };
             for (const type of ["mousedown", "mouseup", "mousemove"]) pay.dispatchEvent(new MouseEvent(type, at));
             email.dispatchEvent(new KeyboardEvent("keydown", { key: "q", code: "KeyQ", bubbles: true }));
             email.dispatchEvent(new KeyboardEvent("keyup", { key: "q", code: "KeyQ", bubbles: true }));
             email.dispatchEvent(new Event("keydown", { bubbles: true }));  // as browsers that fill in forms do
           }"""
    )
    batches = sent(page, gateway)
    assert [track["trusted"] for track in tracks_of(batches, "pointer.move")] == [False]
    for kind in ("pointer.down", "pointer.up", "key.press"):
        assert [event["trusted"] for event in events_of(batches, kind)] == [False], kind


def test_the_device_tells_of_itself(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form(userId="u-1042")
    (begin,) = gateway.until_seen("begin")
    facts = begin.document["device_fingerprint"]
    assert begin.document["user_id"] == "u-1042"
    assert facts["user_agent"] == page.evaluate("navigator.userAgent")
    assert (facts["window_width"], facts["window_height"]) == (1200, 800)
    assert facts["webdriver"] is True  # Playwright drives it, and says so
    assert facts["automation_flags"] == []
    assert facts["primary_pointer"] == "fine"


def test_a_forged_webdriver_is_a_flag(context: BrowserContext, site: Site, gateway: RecordingGateway) -> None:
    context.add_init_script("Object.defineProperty(navigator, 'webdriver', { get: () => false })")
    context.add_init_script("window.domAutomation = {}; document.$cdc_asdjflasutopfhvcZLmcfl_ = {};")
    page = context.new_page()
    page.goto(site.form(module_head(gateway)))
    (begin,) = gateway.until_seen("begin")
    facts = begin.document["device_fingerprint"]
    assert facts["webdriver"] is False
    assert facts["automation_flags"] == ["domAutomation", "cdc", "webdriver_forged"]


def test_no_value_ever_leaves_the_page(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))
    pasted = "".join(secrets.choice(string.ascii_letters) for _ in range(24))
    page.click("#password")
    page.keyboard.type(password)
    page.fill("#email", f"{pasted}@example.org")
    page.locator("#email").select_text()
    page.keyboard.press("Control+c")
    page.click("#notes")
    page.keyboard.press("Control+v")
    page.click("#city")
    batches = sent(page, gateway)
    everything = gateway.everything().lower()
    for secret in (password, pasted):
        for size in (len(secret), 8):
            parts = [secret[at : at + size].lower().encode() for at in range(len(secret) - size + 1)]
            assert not [part for part in parts if part in everything]
    # Nor key by key: a press tells its class and nothing else.
    presses = [press for press in events_of(batches, "key.press") if press.get("target") == "password"]
    # Of a secret not even of which class, nor how many there are in the end.
    assert len(presses) == 24
    assert {press["key_class"] for press in presses} == {"other"}
    lengths = {event["field"]: event.get("length") for event in events_of(batches, "form.changed")}
    assert lengths == {"password": None, "email": 36, "notes": 36}


def test_secrets_stay_secrets_when_they_are_shown(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.click("#password")
    page.keyboard.press("Tab")
    page.evaluate("password.type = 'text'; street.autocomplete = 'cc-number'")
    for field, text in (("#password", "Aa1!"), ("#street", "4111")):
        page.click(field)
        page.keyboard.type(text)
        page.locator(field).select_text()
        page.keyboard.press("Control+c")
    page.click("#city")
    batches = sent(page, gateway)
    presses = [press for press in events_of(batches, "key.press") if press.get("target") in {"password", "street"}]
    assert {press["key_class"] for press in presses} == {"other", "tab"}
    for kind in ("form.changed", "clipboard.used"):
        assert [event.get("length") for event in events_of(batches, kind)] == [None, None], kind


def test_what_is_chosen_is_not_told_by_the_name_of_an_element(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    page.evaluate(
        """() => document.body.insertAdjacentHTML("afterbegin", `
             <input type="radio" name="plan" id="plan-gold"><input type="radio" id="plan-less">
             <div data-telltale-ignore><button id="digit-7">7</button><input id="pin"></div>`)"""
    )
    page.check("#plan-gold")
    page.check("#plan-less")
    page.click("#digit-7")
    page.click("#pin")
    page.keyboard.type("7")
    page.evaluate("pin.dispatchEvent(new Event('change', { bubbles: true }))")
    batches = sent(page, gateway)
    everything = gateway.everything()
    assert not [word for word in (b"plan-gold", b"plan-less", b"digit-7", b'"pin"') if word in everything]
    assert [event["field"] for event in events_of(batches, "form.changed")] == ["plan", "unnamed"]
    assert [event.get("target") for event in events_of(batches, "pointer.down")] == ["plan", None]
    assert events_of(batches, "key.press") == []
