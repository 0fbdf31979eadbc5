"""Downloads, from a server on this machine."""

import gzip
import hashlib
import http.server
import socket
import struct
import threading

import pytest

from chainrule.datasets import fetch
from chainrule.datasets.downloads import MIRRORS, SHA256
from chainrule.datasets.idx import load_folder
from chainrule.errors import FileError, FileFormatError

FILES = {
    "train-images-idx3-ubyte": struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 1, 2) + bytes([1, 2, 3, 4]),
    "train-labels-idx1-ubyte": struct.pack(">BBBBI", 0, 0, 8, 1, 2) + bytes([7, 9]),
}
CHECKSUMS = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def server():
    """Serve the dictionary ``pages``: path → content; count requests."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            content = pages.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    pages = {f"/{name}.gz": gzip.compress(content) for name, content in FILES.items()}
    requests = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.pages, running.requests = pages, requests
        running.address = f"http://127.0.0.1:{running.server_address[1]}"
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def get(tmp_path):
    return lambda *addresses: fetch(
        "mnist", addresses=addresses, checksums=CHECKSUMS, cache=tmp_path / "cache"
    )


def everything_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_download_once(server, get, tmp_path):
    folder = get(server.address)
    assert everything_in(tmp_path) == sorted(FILES)
    data = load_folder(folder)
    assert data.x.tolist() == [[1, 2], [3, 4]]
    assert data.y.tolist() == [7, 9]
    assert get(server.address) == folder
    assert len(server.requests) == 2, "the second time all is in the cache"


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, get):
    folder = get(server.address)
    (folder / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    get(server.address + "/")
    assert (folder / "train-labels-idx1-ubyte").read_bytes() == FILES["train-labels-idx1-ubyte"]
    assert len(server.requests) == 3


GOOD = gzip.compress(FILES["train-labels-idx1-ubyte"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Please log in</html>",
        GOOD[:-9],
        GOOD[:12] + bytes([GOOD[12] ^ 1]) + GOOD[13:],
        gzip.compress(FILES["train-labels-idx1-ubyte"][:-1] + b"\0"),
        gzip.compress(bytes(70 << 20)),
    ],
    ids=["empty", "web page", "truncated", "flipped bit", "other content", "bomb"],
)
def test_damaged_content_leaves_nothing(server, get, tmp_path, content):
    server.pages["/train-labels-idx1-ubyte.gz"] = content
    with pytest.raises(FileFormatError) as caught:
        get(server.address)
    assert caught.value.key == "data.download_damaged"
    assert "\n" not in str(caught.value)
    assert everything_in(tmp_path) == ["train-images-idx3-ubyte"]


def test_page_not_found(server, get, tmp_path):
    del server.pages["/train-images-idx3-ubyte.gz"]
    with pytest.raises(FileError) as caught:
        get(server.address)
    assert "404" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything_in(tmp_path) == []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_connection_refused_and_second_mirror(server, get, tmp_path):
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(FileError) as caught:
        get(nobody)
    assert caught.value.key == "data.download"
    assert len(str(caught.value)) < 300
    assert everything_in(tmp_path) == []
    get(nobody, server.address)
    assert everything_in(tmp_path) == sorted(FILES)


def test_a_cache_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError) as caught:
        fetch("mnist", addresses=[server.address], checksums=CHECKSUMS, cache=tmp_path / "file")
    assert caught.value.key == "data.cache"


def test_no_notes_on_the_screen(server, get, capsys, caplog):
    get(server.address)
    captured = capsys.readouterr()
    assert (captured.out, captured.err, caplog.text) == ("", "", "")


def test_tables_are_complete():
    parts = [f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]
    for name, addresses in MIRRORS.items():
        assert all(address.startswith("https://") for address in addresses)
        assert sorted(SHA256[name]) == sorted(parts)
        assert all(len(bytes.fromhex(checksum)) == 32 for checksum in SHA256[name].values())
