"""Who does not want to be followed is not: nothing is listened to, kept or sent."""

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Open, module_head, tag_head
from tests.browser.gateway import RecordingGateway
from tests.browser.site import Site
from tests.browser.visiting import act, analyzed, begun

_LISTENERS = """
  window.listening = new Set();
  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (new Error().stack.includes("/dist/")) window.listening.add(type);
    return add.call(this, type, ...rest);
  };
"""


def assert_nothing(page_state: dict[str, object], gateway: RecordingGateway) -> None:
    assert page_state == {"kept": 0, "cookies": "", "listening": []}
    assert gateway.seen == [] and gateway.preflights == 0


_STATE = """() => ({
  kept: sessionStorage.length + localStorage.length,
  cookies: document.cookie,
  listening: [...window.listening],
})"""


@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true, configurable: true })",
        "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1', configurable: true })",
    ],
    ids=["gpc", "dnt"],
)
def test_a_visitor_s_wish_is_honoured(
    wish: str, context: BrowserContext, open_form: Open, gateway: RecordingGateway
) -> None:
    context.add_init_script(_LISTENERS + wish)
    page = open_form()
    act(page)
    page.keyboard.type("hello")
    assert analyzed(page)["status"] == "off"
    page.evaluate("telltale.setConsent(true)")  # a site's banner does not outweigh it
    act(page)
    assert analyzed(page)["status"] == "off"
    assert page.evaluate("telltale.sessionId") is None
    assert_nothing(page.evaluate(_STATE), gateway)


def test_without_consent_there_is_nothing(context: BrowserContext, open_form: Open, gateway: RecordingGateway) -> None:
    context.add_init_script(_LISTENERS)
    page = open_form(consent=False)
    act(page)
    page.keyboard.type("hello")
    assert analyzed(page)["status"] == "off"
    assert_nothing(page.evaluate(_STATE), gateway)

    page.evaluate("telltale.setConsent(true)")
    begun(page)
    page.keyboard.press("x")
    assert analyzed(page)["status"] == "judged"
    (data,) = gateway.all("data")
    assert len(data.events("key.press")) == 1  # what came before is not told afterwards


def test_withdrawn_consent_sends_and_keeps_nothing_more(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    first = begun(page)
    act(page)
    page.evaluate("telltale.setConsent(false)")
    act(page)
    assert analyzed(page)["status"] == "off"
    assert page.evaluate("sessionStorage.length") == 0
    page.close()

    page = open_form()
    assert begun(page) != first
    assert [seen.what for seen in gateway.seen] == ["begin", "begin"]


def test_consent_withdrawn_before_anything_is_followed_forgets_earlier_pages(
    open_form: Open, site: Site, gateway: RecordingGateway
) -> None:
    page = open_form()
    begun(page)
    page.goto(site.form(module_head(gateway, consent=False), "/asks.html"))
    page.wait_for_function("window.telltale")
    assert page.evaluate("sessionStorage.length") == 1  # nobody has answered yet
    page.evaluate("telltale.setConsent(false)")
    assert page.evaluate("sessionStorage.length") == 0


def test_consent_withdrawn_on_a_later_page_holds_for_one_that_comes_back(
    open_form: Open, gateway: RecordingGateway
) -> None:
    page = open_form()
    begun(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.evaluate("sessionStorage.clear()")  # what withdrawing does, on another page
    gateway.until_seen("data")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    act(page)
    assert analyzed(page)["status"] == "off"
    assert page.evaluate("sessionStorage.length") == 0
    assert len(gateway.seen) == 2


def test_a_page_that_comes_back_goes_on_with_the_session_of_later_pages(
    open_form: Open, gateway: RecordingGateway
) -> None:
    page = open_form(userId="u-1")
    first = begun(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.evaluate(
        """([id, beginKey]) => {
             const name = Object.keys(sessionStorage)[0];
             const kept = { id, beginKey, userId: "u-2", sampled: true, held: false };
             sessionStorage[name] = JSON.stringify(kept);
           }""",
        ["later", "later-key"],
    )
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert begun(page) == "later" != first
    act(page)
    analyzed(page)
    assert gateway.all("data")[-1].session_id == "later"
    assert len(gateway.all("begin")) == 1


def test_withdrawn_consent_ends_what_is_under_way(open_form: Open, gateway: RecordingGateway) -> None:
    page = open_form()
    begun(page)
    gateway.hold()
    act(page)
    page.evaluate("void (window.answer = telltale.analyze())")
    page.evaluate("telltale.setConsent(false)")
    assert page.evaluate("answer")["status"] == "off"
    gateway.release()
    page.evaluate("telltale.setConsent(true)")
    act(page)
    assert analyzed(page)["status"] == "judged"
    assert len(gateway.all("begin")) == 2


def test_sessions_not_sampled_are_left_alone(
    context: BrowserContext, open_form: Open, gateway: RecordingGateway
) -> None:
    context.add_init_script(
        "Math.random = () => performance.getEntriesByType('navigation')[0].type === 'reload' ? 0.2 : 0.8"
    )
    page = open_form(sampleRate=0.5)
    act(page)
    assert analyzed(page)["status"] == "off"
    page.reload()  # and stay so, whatever the next page's dice say
    page.wait_for_function("window.telltale")
    assert analyzed(page)["status"] == "off"
    page.evaluate("telltale.setConsent(true)")
    assert analyzed(page)["status"] == "off"
    assert gateway.seen == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key": "tt_0123456789abcdef_secret"}, "publishable"),
        ({"key": None}, "publishable"),
        ({"endpoint": "telltale.example"}, "endpoint"),
        ({"sampleRate": 7}, "sampleRate"),
    ],
)
def test_a_wrong_setting_is_told_and_harms_nobody(
    options: dict[str, object], says: str, open_form: Open, gateway: RecordingGateway
) -> None:
    page = open_form(**options)
    assert analyzed(page)["status"] == "unavailable"
    (told,) = page.evaluate("errors")
    assert told["code"] == "misconfigured" and says in told["message"]
    assert gateway.seen == []


def test_a_tag_can_ask_for_consent_first(context: BrowserContext, site: Site, gateway: RecordingGateway) -> None:
    page = context.new_page()
    page.goto(site.form(tag_head(gateway, 'data-consent="false" data-user-id="u-7"'), "/tag-consent.html"))
    page.wait_for_function("window.telltale")
    act(page)
    assert analyzed(page)["status"] == "off" and gateway.seen == []
    page.evaluate("telltale.setConsent(true)")
    begun(page)
    assert gateway.all("begin")[0].document["user_id"] == "u-7"


def test_prerendered_pages_wait_until_they_are_seen(
    context: BrowserContext, site: Site, gateway: RecordingGateway
) -> None:
    context.add_init_script(
        "Object.defineProperty(document, 'prerendering', { get: () => !window.seen, configurable: true })"
    )
    page = context.new_page()
    page.goto(site.form(module_head(gateway), "/prerender.html"))
    page.wait_for_function("window.telltale")
    assert analyzed(page)["status"] == "off" and gateway.seen == []
    page.evaluate("window.seen = true; document.dispatchEvent(new Event('prerenderingchange'))")
    begun(page)
