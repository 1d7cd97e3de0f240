"""The page of a package in a real browser, from a disk and without a network: nothing runs, nothing is asked for, a phone need not scroll sideways."""

import pytest

from apps.data_requests.packages import page
from apps.data_requests.services.packages import rendering
from tests.data_requests.packages import hostile

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [390, 1360])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_opens_offline_runs_nothing_and_fits(browser, tmp_path, width, theme):
    contents = hostile.contents()
    file = tmp_path / "readable.html"
    file.write_bytes(b"".join(page.write(contents, names=rendering.file_names(contents))))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, offline=True)
    try:
        opened, asked, said = context.new_page(), [], []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("console", lambda message: said.append(message.text))
        opened.on("dialog", lambda dialog: said.append("a script ran"))
        opened.goto(file.as_uri())

        assert (asked, said) == ([file.as_uri()], [])
        assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1")
        assert opened.inner_text("h1") == "Your data"
        assert hostile.SCRIPT in opened.inner_text("main")
        dark = opened.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (theme == "dark")
    finally:
        context.close()
