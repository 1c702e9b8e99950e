"""The SDK in the pages of others: strict policies, frames, script tags, React, pages that are broken themselves."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from deploy import sdks
from tests.browser.chromium import until
from tests.browser.conftest import module_head, tag_head
from tests.browser.gateway import KEY, RecordingGateway
from tests.browser.site import Site
from tests.browser.visiting import act, analyzed, begun, knock

_PAGES = Path(__file__).parent / "pages"


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_a_script_tag_is_all_it_takes(page: Page, site: Site, gateway: RecordingGateway) -> None:
    page.goto(site.form(tag_head(gateway) * 2, "/tag.html"))  # pasted twice, by mistake
    page.wait_for_function("window.telltale")
    begun(page)
    act(page)
    assert analyzed(page)["trust"] == 93
    assert len(gateway.all("begin")) == 1
    assert len(gateway.all("data")[0].events("focus.gained")) == 1


def test_a_strict_policy_needs_no_exception_but_the_gateway(page: Page, site: Site, gateway: RecordingGateway) -> None:
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text) if message.type == "error" else None)
    allowed = f"img-src data:; script-src 'self'; connect-src {gateway.url}"
    policy = f"default-src 'none'; {allowed}; require-trusted-types-for 'script'"
    page.goto(site.form(tag_head(gateway), "/strict.html", {"Content-Security-Policy": policy}))
    until(page, "window.telltale")
    begun(page)
    act(page)
    assert analyzed(page)["status"] == "judged"
    assert violations == []


@pytest.mark.parametrize("sandbox", ["", 'sandbox="allow-scripts"'], ids=["frame", "sandboxed"])
def test_a_frame_is_a_session_of_its_own(sandbox: str, page: Page, site: Site, gateway: RecordingGateway) -> None:
    site.form(tag_head(gateway), "/inner.html")
    page.goto(site.form(tag_head(gateway), "/outer.html"))
    outer = begun(page)
    page.evaluate(
        """sandbox => document.body.insertAdjacentHTML(
             "afterbegin", `<iframe src="/inner.html" width="600" height="400" ${sandbox}></iframe>`)""",
        sandbox,
    )
    (frame,) = page.main_frame.child_frames
    frame.wait_for_function("window.telltale?.sessionId")
    frame.click("#email")
    page.keyboard.press("a", delay=20)
    assert frame.evaluate("telltale.analyze()")["status"] == "judged"
    inner = frame.evaluate("telltale.sessionId")
    presses = {seen.session_id: seen.events("key.press") for seen in gateway.all("data") if seen.events("key.press")}
    assert [press["target"] for press in presses.pop(inner)] == ["email"]
    assert presses == {} and inner != outer
    page.reload()
    assert begun(page) == outer


def test_a_hostile_page_gets_no_fault_from_it(context: BrowserContext, site: Site, gateway: RecordingGateway) -> None:
    context.add_init_script(
        """
        Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("no", "SecurityError") } });
        Object.defineProperty(UIEvent.prototype, "detail", { get() { throw new Error("no") } });
        PointerEvent.prototype.getCoalescedEvents = () => { throw new Error("no") };
        window.CompressionStream = undefined;
        """
    )
    page = context.new_page()
    page.goto(site.form(module_head(gateway), "/hostile.html"))
    page.wait_for_function("window.telltale")
    begun(page)
    page.mouse.move(50, 50)
    page.mouse.move(90, 90)
    page.evaluate(
        "document.forms[0].id = ''; document.forms[0].append(Object.assign(new Image(), { id: 'x'.repeat(900) }))"
    )
    act(page, 50)
    assert analyzed(page)["status"] == "judged"
    assert page.evaluate("errors.map((error) => error.code)") == ["internal"]  # told once, not with every event


def test_an_onerror_that_throws_does_no_harm(page: Page, site: Site, gateway: RecordingGateway) -> None:
    page.goto(site.form("", "/throwing.html"))
    status = page.evaluate(
        """async ([key, endpoint]) => {
             const { start } = await import("/dist/telltale.js");
             const telltale = start({ key: "wrong", endpoint, onError: () => { throw new Error("mine") } });
             start(undefined); start(null); start("tp_");
             telltale.setUser("u"); telltale.setConsent(false); telltale.stop();
             return (await telltale.analyze()).status;
           }""",
        [KEY, gateway.url],
    )
    assert status == "unavailable"


def test_facts_that_a_page_has_broken_are_left_out(page: Page, site: Site, gateway: RecordingGateway) -> None:
    page.add_init_script(
        """window.matchMedia = () => { throw new Error("mine") };
           Object.defineProperty(Navigator.prototype, "languages", { get: () => null });
           Element.prototype.hasAttribute = () => { throw new Error("mine") };"""
    )
    page.goto(site.form(module_head(gateway), "/broken.html"))
    begun(page)
    act(page)
    assert analyzed(page)["status"] == "judged"
    facts = gateway.all("begin")[0].document["device_fingerprint"]
    assert "user_agent" in facts and not {"primary_pointer", "languages", "automation_flags"} & set(facts)


def test_a_tag_can_say_that_nobody_is_signed_in(page: Page, site: Site, gateway: RecordingGateway) -> None:
    for number, more in enumerate(('data-user-id="u-1"', "", 'data-user-id=""')):  # without it, nobody knows
        page.goto(site.form(tag_head(gateway, more), f"/user-{number}.html"))
        begun(page)
    assert [seen.document.get("user_id") for seen in gateway.all("begin")] == ["u-1", None]


def test_a_page_restored_from_the_cache_goes_on(page: Page, site: Site, gateway: RecordingGateway) -> None:
    page.goto(site.form(module_head(gateway), "/cached.html"))
    session_id = begun(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    act(page)
    assert analyzed(page)["sessionId"] == session_id
    assert page.evaluate("JSON.parse(sessionStorage[Object.keys(sessionStorage)[0]]).held") is True


@pytest.fixture(scope="session")
def react_page(built: None, site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    script = tmp_path_factory.mktemp("react") / "page.js"
    sdks.run_node([str(_PAGES / "bundle.mjs"), str(_PAGES / "react.jsx"), str(script)], sdks.REACT)
    site.put("/react.js", script.read_bytes())
    return site.put(
        "/react.html", '<link rel="icon" href="data:,"><div id="root"></div><script src="/react.js"></script>'
    )


def test_the_hook_follows_once_in_strict_mode(react_page: str, page: Page, gateway: RecordingGateway) -> None:
    page.goto(f"{react_page}?key={KEY}&endpoint={gateway.url}&user=u-1")
    page.wait_for_selector("#answer")
    gateway.until_seen("begin")
    page.fill("#field", "hello")
    page.keyboard.press("x", delay=20)
    assert page.text_content("#answer") == "trust null, captcha false"
    page.click("#analyze")
    page.wait_for_function("document.querySelector('#answer').textContent === 'trust 93, captcha false'")
    assert page.text_content("#other") == "93"  # every component sees the same
    assert {seen.document["user_id"] for seen in gateway.all("begin")} == {"u-1"}
    assert len({seen.headers["idempotency-key"] for seen in gateway.all("begin")}) == 1
    presses = [press for seen in gateway.all("data") for press in seen.events("key.press")]
    assert len(presses) == 1

    gateway.trust_score, gateway.needs_challenge = 7, True
    page.keyboard.press("y")
    page.click("#analyze")
    page.wait_for_function("document.querySelector('#answer').textContent === 'trust 7, captcha true'")


def test_the_hook_changes_its_user_and_ends_with_its_provider(
    react_page: str, page: Page, gateway: RecordingGateway
) -> None:
    page.goto(f"{react_page}?key={KEY}&endpoint={gateway.url}&user=u-1")
    gateway.until_seen("begin")
    page.click("#sign-out-and-in")
    gateway.until(lambda: any(s.what == "begin" and b"u-2" in s.body for s in gateway.seen), "the next user")
    page.click("#unmount")
    page.wait_for_selector("#gone")
    page.keyboard.press("z")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # what waits leaves now
    knock(page, gateway)
    # The last batch of the second may still be on its way: it was made before the key.
    assert [press for seen in gateway.until_seen("data") for press in seen.events("key.press")] == []
    assert [seen.document["user_id"] for seen in gateway.all("begin")] == ["u-1", "u-2"]
    assert len(gateway.all("status")) == 1  # the knock: the page asked for nothing


def test_the_hook_of_nobody_does_not_go_on_with_somebody_s_session(
    react_page: str, page: Page, gateway: RecordingGateway
) -> None:
    page.goto(f"{react_page}?key={KEY}&endpoint={gateway.url}&user=u-1")
    gateway.until_seen("begin")
    page.goto(f"{react_page}?key={KEY}&endpoint={gateway.url}")
    gateway.until_seen("begin", 2)
    assert [seen.document.get("user_id") for seen in gateway.all("begin")] == ["u-1", None]


def test_the_hook_renders_on_a_server(built: None) -> None:
    printed = sdks.run_node([str(_PAGES / "server.mjs")], sdks.REACT)
    assert printed.strip() == "<p>null false</p>"


def test_the_sdk_does_nothing_on_a_server(built: None) -> None:
    code = """
      const { start } = await import(process.argv[1]);
      const { status } = await start({ key: "tp_x", endpoint: "https://telltale.example" }).analyze();
      console.log(status);
    """
    module = (sdks.BROWSER / "dist" / "telltale.js").as_uri()
    assert sdks.run_node(["--input-type=module", "-e", code, module], sdks.BROWSER).strip() == "off"
