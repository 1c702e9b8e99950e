"""The npm packages as they are published: small, complete, and at work in a project that has nothing but them."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext

from deploy import sdks
from tests.browser.gateway import KEY, RecordingGateway
from tests.browser.site import Site

_CONSUMER: Final = Path(__file__).parent / "consumer"
# What the project takes beside the two packages, from where they are installed for the build: no registry is asked.
_OTHERS: Final = ("react", "react-dom", "scheduler", "@types/react", "csstype")
_MODULES: Final = sdks.REACT / "node_modules"


@pytest.fixture(scope="module")
def project(built: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody else, with the packed packages installed."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(_CONSUMER, folder, dirs_exist_ok=True)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    for package in (sdks.BROWSER, sdks.REACT):
        sdks.npm(["pack", "--ignore-scripts", "--pack-destination", str(folder)], package)
    packages = [str(path) for path in [*folder.glob("*.tgz"), *(_MODULES / name for name in _OTHERS)]]
    sdks.npm(
        ["install", "--offline", "--install-links", "--ignore-scripts", "--no-audit", "--no-fund", *packages], folder
    )
    return folder


@pytest.mark.parametrize(("module", "resolution"), [("esnext", "bundler"), ("nodenext", "nodenext")])
def test_types_hold_for_a_project_that_uses_them(project: Path, module: str, resolution: str) -> None:
    compiler = _MODULES / "typescript" / "bin" / "tsc"
    sdks.run_node([str(compiler), "-p", ".", "--module", module, "--moduleResolution", resolution], project)


def test_a_project_that_uses_them_works(
    project: Path, context: BrowserContext, site: Site, gateway: RecordingGateway
) -> None:
    code = """
      import { buildSync } from "esbuild";
      const [absWorkingDir] = process.argv.slice(1);
      buildSync({ absWorkingDir, entryPoints: ["main.js"], outfile: "out.js", bundle: true, jsx: "automatic" });
    """
    sdks.run_node(["--input-type=module", "-e", code, str(project)], sdks.REACT)
    site.put("/out.js", (project / "out.js").read_bytes())
    url = site.put("/out.html", '<link rel="icon" href="data:,"><div id="root"></div><script src="/out.js"></script>')
    page = context.new_page()
    page.goto(f"{url}?key={KEY}&endpoint={gateway.url}")
    page.click("#name")
    page.keyboard.type("Ann", delay=20)
    gateway.until_seen("begin")
    page.click("#pay")
    page.wait_for_function("document.querySelector('#pay').textContent === 'Paid, trust 93'")
    assert sum(len(seen.events("key.press")) for seen in gateway.all("data")) == 3


def test_a_project_can_import_them_on_a_server(project: Path) -> None:
    code = """
      const { start } = await import("@telltale/browser");
      const { useBehaviorTracking } = await import("@telltale/react");
      console.log(typeof start, typeof useBehaviorTracking);
    """
    assert sdks.run_node(["--input-type=module", "-e", code], project).split() == ["function", "function"]


def test_packages_are_small(built: None) -> None:
    sdk = len(gzip.compress((sdks.BROWSER / "dist" / "telltale.min.js").read_bytes(), 9))
    module = len(gzip.compress((sdks.BROWSER / "dist" / "telltale.js").read_bytes(), 9))
    hook = len(gzip.compress((sdks.REACT / "dist" / "telltale-react.js").read_bytes(), 9))
    assert sdk < 10_000 and module < 10_000 and hook < 1_000


def test_packages_hold_what_they_need_and_nothing_else(built: None) -> None:
    for package, wanted in (
        (sdks.BROWSER, {"dist/telltale.js", "dist/telltale.min.js", "dist/index.d.ts", "dist/types.d.ts"}),
        (sdks.REACT, {"dist/telltale-react.js", "dist/index.d.ts"}),
    ):
        (packed,) = json.loads(sdks.npm(["pack", "--dry-run", "--json", "--ignore-scripts"], package))
        files = {file["path"] for file in packed["files"]}
        maps = {f"{name}.map" for name in wanted if name.endswith(".js")}
        assert files == wanted | maps | {"package.json", "README.md", "CHANGELOG.md"}


def test_locks_name_no_registry() -> None:
    for package in (sdks.BROWSER, sdks.REACT):
        lock = json.loads((package / "package-lock.json").read_text())
        installed = {name: entry for name, entry in lock["packages"].items() if name}
        assert installed and all("resolved" not in entry for entry in installed.values())
        assert all(entry["integrity"].startswith("sha512-") for entry in installed.values())
