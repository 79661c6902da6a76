"""Chromium for tests that need a real browser; where it is missing they are skipped, and say so (Debian: apt install
chromium)."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pylopdf_fonts_zh_cn
import pytest
from playwright.async_api import Browser, Error, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "Chromium is missing (Debian: apt install chromium)"
_AXE = Path(__file__).parent / "console" / "vendor" / "axe.min.js"
_FONTS = (
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{fonts}</dir>'
    "<dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>"
)
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser with Chinese glyphs."""
    folder = tmp_path_factory.mktemp("fonts")
    config = folder / "fonts.conf"
    config.write_text(_FONTS.format(fonts=Path(pylopdf_fonts_zh_cn.__file__).parent, cache=folder / "cache"))
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=_QUIET, env={"FONTCONFIG_FILE": str(config)}
            )
        except Error as error:
            pytest.skip(f"Chromium does not start here: {error.message.splitlines()[0]}")
        yield browser
        await browser.close()


async def find_faults(page: Page) -> list[str]:
    """What axe finds on the page, if it is serious."""
    await page.evaluate(_AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
