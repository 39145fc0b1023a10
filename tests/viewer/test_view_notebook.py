"""A result in a cell of a notebook."""

from pathlib import Path

import httpx
import pytest

from nuseg.errors import NusegError
from nuseg.results.output import require_packages
from nuseg.results.views import views
from shown import DARK, DISCS, MPP, discs


def test_a_result_is_shown_by_a_thread_until_it_is_closed() -> None:
    result = DARK(discs(), mpp=MPP)
    shown = result.view(height=321)
    assert shown.url.startswith("http://127.0.0.1:")
    html = shown._repr_html_()
    assert f'src="{shown.url}"' in html
    assert "height: 321px" in html
    with httpx.Client(base_url=shown.url) as client:
        (item,) = client.get("/api/items").json()["items"]
        assert item["nuclei"] == len(DISCS)
        layer = f"/api/items/{item['id']}/layers/result"
        assert client.get(layer).json()["count"] == len(DISCS)
        assert client.get(f"/api/items/{item['id']}/tiles/11/0_0.jpg").status_code == 200
        assert client.get(f"{layer}/outlines/0_0.bin").status_code == 200
        own = {"origin": shown.url.rstrip("/"), "x-nuseg": "1"}
        body = {"base": 0, "action": "delete", "nuclei": [0]}
        assert client.post(f"/api/items/{item['id']}/corrections", json=body, headers=own).status_code == 403
        assert "frame-ancestors http://localhost:*" in client.get("/").headers["content-security-policy"]
    shown.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(shown.url)
    assert len(result.nuclei) == len(DISCS)


def test_two_results_are_shown_side_by_side(tmp_path: Path) -> None:
    result = DARK(discs(), mpp=MPP)
    first, second = result.view(), result.view()
    assert first.url != second.url
    for shown in (first, second):
        assert httpx.get(f"{shown.url}api/items").status_code == 200
        shown.close()


def test_a_port_that_is_taken_is_said() -> None:
    result = DARK(discs(), mpp=MPP)
    shown = result.view()
    with pytest.raises(NusegError, match="another program uses it; give another one by port="):
        result.view(port=int(shown.url.rstrip("/").rpartition(":")[2]))
    shown.close()


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(NusegError, match=r"the viewer needs the package .*: pip install 'nuseg\[view\]'"):
        require_packages("the viewer", ("a_package_that_is_not_there",), "view")


def test_other_packages_may_show_results_otherwise() -> None:
    assert list(views) == ["browser"]
