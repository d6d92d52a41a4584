import pickle

import pytest

from clr_study.data.datasets import cifar10, cifar100
from clr_study.errors import DataError

BOTH = pytest.mark.parametrize(
    ("load", "name", "reader", "folder", "file"),
    [
        (cifar10, "CIFAR-10", "CIFAR10", "cifar-10-batches-py", "data_batch_3"),
        (cifar100, "CIFAR-100", "CIFAR100", "cifar-100-python", "train"),
    ],
)


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@BOTH
def test_a_missing_root_is_named_with_its_mend(tmp_path, load, name, reader, folder, file):
    with pytest.raises(DataError) as caught:
        load(root=str(tmp_path / "nowhere"))
    message = str(caught.value)
    assert f"no {name} in '{tmp_path}/nowhere/{folder}'" in message
    assert "`download = true` in the data table would fetch it" in message
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_other_files_than_the_published_are_never_unpickled(tmp_path, load, name, reader, folder, file):
    (tmp_path / folder).mkdir()
    trap = tmp_path / "sprung"
    (tmp_path / folder / file).write_bytes(pickle.dumps(Trap(trap)))
    with pytest.raises(DataError, match=rf"{name} in '.*{folder}' is not as published: .*{file}.* wrong MD5 sum"):
        load(root=str(tmp_path))
    assert not trap.exists()


@BOTH
def test_a_download_without_a_network_is_a_sentence(tmp_path, monkeypatch, load, name, reader, folder, file):
    from torchvision import datasets

    monkeypatch.setattr(getattr(datasets, reader), "url", "http://127.0.0.1:9/cifar.tar.gz")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match=rf"^cannot download {name} \(.*refused.*\)\. Is this machine offline"):
        load(root=str(tmp_path), download=True)
