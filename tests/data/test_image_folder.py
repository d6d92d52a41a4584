import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from clr_study.data.datasets import folder as module
from clr_study.data.datasets import image_folder
from clr_study.data.datasets.decode import decode, read_image
from clr_study.errors import DataError, SpecError


def write_image(path, width=8, height=6, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(list(path.name.encode()))
    pixels = random.integers(0, 256, (height, width, 4), dtype=np.uint8)
    image = Image.fromarray(pixels[:, :, :3] if mode == "P" else pixels)
    image.convert(mode).save(path, **options)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three classes, five training images and two test images in each, all of them 8x6 JPEG files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    for which, count in (("train", 5), ("test", 2)):
        for name in ("bird", "cat", "dog"):
            for number in range(count):
                write_image(tmp_path / "pets" / which / name / f"{name}-{number}.jpg")
    return tmp_path / "pets"


@pytest.fixture
def no_decoding(monkeypatch):
    def forbid():
        monkeypatch.setattr(module, "decode", lambda *_: pytest.fail("decoded again"))

    return forbid


def test_it_reads_what_torchvision_reads(root):
    from torchvision.datasets import ImageFolder
    from torchvision.transforms.functional import pil_to_tensor

    write_image(root / "train" / "cat" / "deeper" / "grey.png", mode="L")
    write_image(root / "train" / "cat" / "a palette.PNG", mode="P")
    write_image(root / "train" / "bird" / "see-through.png", mode="RGBA")
    (root / "train" / "dog" / "notes.txt").write_text("no image")
    splits = image_folder(root=str(root))
    for split, which in ((splits.train, "train"), (splits.test, "test")):
        theirs = ImageFolder(root / which)
        assert splits.classes == len(theirs.classes)
        assert torch.equal(split.inputs, torch.stack([pil_to_tensor(image) for image, _ in theirs]))
        assert split.targets.tolist() == theirs.targets
    assert splits.train.inputs.dtype == torch.uint8
    assert splits.sample_shape == (3, 6, 8)


@pytest.mark.parametrize("size", [4, 6, 7, 32])
def test_resizing_is_torchvisions(tmp_path, size):
    from torchvision.transforms import CenterCrop, Compose, Resize
    from torchvision.transforms.functional import pil_to_tensor

    resize = Compose([Resize(size), CenterCrop(size)])  # bilinear is its default
    for width, height in ((8, 6), (6, 9), (7, 7), (50, 33), (33, 50)):
        path = tmp_path / f"{width}x{height}.png"
        write_image(path, width, height)
        with Image.open(path) as image:
            theirs = pil_to_tensor(resize(image.convert("RGB")))
        assert np.array_equal(read_image(path, size).transpose(2, 0, 1), theirs.numpy())


def test_images_of_many_sizes_become_squares(root):
    write_image(root / "train" / "cat" / "large.jpg", 31, 17)
    splits = image_folder(root=str(root), size=5)
    assert splits.train.inputs.shape == (16, 3, 5, 5)
    assert splits.note.endswith("5x5")


def test_class_folders_without_a_train_folder_give_no_test_split(root):
    splits = image_folder(root=str(root / "train"))
    assert (len(splits.train), splits.test, splits.classes) == (15, None, 3)


def test_the_folders_may_have_other_names(root):
    (root / "train").rename(root / "fit")
    (root / "test").rename(root / "val")
    splits = image_folder(root=str(root), train="fit", test="val")
    assert (len(splits.train), len(splits.test)) == (15, 6)


def test_names_with_a_dot_in_front_are_passed_over(root):
    write_image(root / "train" / ".thumbnails" / "a.jpg")
    write_image(root / "train" / "cat" / ".hidden" / "a.jpg")
    (root / "train" / "cat" / "._cat-0.jpg").write_bytes(b"left by another system")
    assert len(image_folder(root=str(root)).train) == 15


def test_images_are_decoded_once(root, no_decoding):
    first = image_folder(root=str(root))
    no_decoding()
    second = image_folder(root=str(root))
    assert torch.equal(first.train.inputs, second.train.inputs)
    assert torch.equal(first.test.inputs, second.test.inputs)
    assert first.train.targets.tolist() == second.train.targets.tolist()


@pytest.mark.parametrize("change", ["time", "size", "name", "new", "gone"])
def test_a_changed_folder_is_decoded_again_over_the_old_copy(root, change):
    image_folder(root=str(root))
    path = root / "train" / "cat" / "cat-0.jpg"
    if change == "time":
        state = path.stat()
        write_image(path, quality=75)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    elif change == "size":
        state = path.stat()
        write_image(path, quality=20)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert path.stat().st_size != state.st_size
    elif change == "name":
        path.rename(path.with_name("cat-9.jpg"))
    elif change == "new":
        shutil.copy2(path, path.with_name("cat-9.jpg"))
    else:
        path.unlink()
    calls = []
    real, module.decode = module.decode, lambda *given: calls.append(given) or real(*given)
    try:
        splits = image_folder(root=str(root))
    finally:
        module.decode = real
    assert len(calls) == 2
    assert len(splits.train) == 15 + {"new": 1, "gone": -1}.get(change, 0)
    assert len(list((root / ".clr_study_cache").iterdir())) == 1


def test_each_size_has_a_copy_of_its_own(root, no_decoding):
    sizes = [None, 3, 4]
    shapes = [image_folder(root=str(root), size=size).sample_shape for size in sizes]
    no_decoding()
    assert [image_folder(root=str(root), size=size).sample_shape for size in sizes] == shapes
    assert shapes == [(3, 6, 8), (3, 3, 3), (3, 4, 4)]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_copy_is_made_anew(root, damage):
    first = image_folder(root=str(root))
    (copy,) = (root / ".clr_study_cache").iterdir()
    whole = bytearray(copy.read_bytes())
    middle = len(whole) // 2
    whole[middle] ^= 0xFF
    copy.write_bytes({"cut": whole[:middle], "flipped": whole, "empty": b"", "text": b"no arrays"}[damage])
    assert torch.equal(image_folder(root=str(root)).train.inputs, first.train.inputs)


def test_a_root_that_cannot_be_written_keeps_its_copy_at_home(root, tmp_path, no_decoding):
    (root / ".clr_study_cache").write_text("in the way: no folder can be made here")
    image_folder(root=str(root))
    assert len(list((tmp_path / "home-cache" / "clr_study").iterdir())) == 1
    no_decoding()
    image_folder(root=str(root))


def test_no_place_for_a_copy_is_no_error(root, tmp_path):
    (root / ".clr_study_cache").write_text("in the way")
    (tmp_path / "home-cache").write_text("in the way")
    assert len(image_folder(root=str(root)).train) == 15


def test_the_place_asked_for_is_used_or_refused(root, tmp_path):
    image_folder(root=str(root), cache=str(tmp_path / "mine"))
    assert len(list((tmp_path / "mine").iterdir())) == 1
    assert not (root / ".clr_study_cache").exists()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot keep the decoded images in cache = '.*file'"):
        image_folder(root=str(root), cache=str(tmp_path / "file"))


def test_a_disk_that_fills_up_leaves_no_half_copy(root, tmp_path, monkeypatch):
    def half(file, **_):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    assert len(image_folder(root=str(root)).train) == 15
    assert list((root / ".clr_study_cache").iterdir()) == []
    with pytest.raises(DataError, match="No space left on device"):
        image_folder(root=str(root), cache=str(tmp_path / "mine"))


def test_unreadable_images_are_counted_and_the_first_few_named(root):
    cut = (root / "train" / "cat" / "cat-0.jpg").read_bytes()
    for number in range(5):
        (root / "train" / "cat" / f"broken-{number}.jpg").write_bytes([b"", b"no image", cut[:-200]][number % 3])
    with pytest.raises(DataError) as caught:
        image_folder(root=str(root))
    message = str(caught.value)
    assert message.startswith("5 of 20 images cannot be read: ")
    assert [f"broken-{number}.jpg" in message for number in range(5)] == [True, True, True, False, False]
    assert "broken-0.jpg' (no image); " in message
    assert message.endswith("broken-2.jpg' (Truncated File Read); ...")
    assert not (root / ".clr_study_cache").exists()


def test_an_unreadable_first_image_is_named_with_the_others(root):
    for number in (0, 3):
        (root / "train" / "bird" / f"bird-{number}.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"2 of 15 images cannot be read: .*bird-0\.jpg.*bird-3\.jpg"):
        image_folder(root=str(root))


def test_unequal_sizes_are_named_with_their_mend(root):
    write_image(root / "train" / "cat" / "large.jpg", 31, 17)
    with pytest.raises(DataError, match=r"1 of 16 images are not 8x6 as .*large\.jpg' \(31x17\)\. `size = 6`"):
        image_folder(root=str(root))


def test_train_and_test_images_of_unequal_size_are_refused(root):
    for path in (root / "test").glob("*/*"):
        write_image(path, 9, 9)
    with pytest.raises(DataError, match=r"train sample has shape \(3, 6, 8\), but a test sample has \(3, 9, 9\)"):
        image_folder(root=str(root))


def test_an_empty_class_folder_is_named(root):
    (root / "train" / "emu").mkdir()
    (root / "train" / "fox").mkdir()
    (root / "train" / "fox" / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=r"no image in class folder '.*train/emu', '.*train/fox'; known endings"):
        image_folder(root=str(root))


def test_differing_class_folders_are_named(root):
    (root / "test" / "dog").rename(root / "test" / "wolf")
    with pytest.raises(DataError, match="class folders differ: 'dog' only in 'train', 'wolf' only in 'test'"):
        image_folder(root=str(root))


@pytest.mark.parametrize(
    ("below", "message"),
    [
        ("absent", "no folder '.*absent'.*root must be a folder of images"),
        ("train/cat/cat-0.jpg", "no folder '.*cat-0.jpg'"),
        ("train/cat", "two or more classes, but has none"),
    ],
)
def test_a_root_that_is_no_folder_of_classes_is_refused(root, below, message):
    with pytest.raises(DataError, match=message):
        image_folder(root=str(root / below))


def test_a_test_folder_without_a_train_folder_is_refused(root):
    (root / "train").rename(root / "fit")
    with pytest.raises(DataError, match="has a folder 'test' but no 'train'; give train = its name"):
        image_folder(root=str(root))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"train": "fit"}, "no folder 'fit' in .*, where train = 'fit' must be one"),
        ({"test": "val"}, "no folder 'val' in .*, where test = 'val' must be one"),
        ({"test": ""}, "no folder '' in"),
        ({"test": "train"}, "train and test are the same folder 'train'"),
    ],
)
def test_folder_names_that_are_not_there_are_refused(root, names, message):
    with pytest.raises(DataError, match=message):
        image_folder(root=str(root), **names)


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_below_one_is_refused(root, size):
    with pytest.raises(SpecError, match=f"size must be >= 1 pixel, but got {size}"):
        image_folder(root=str(root), size=size)


def test_more_than_memory_holds_is_a_sentence(root):
    paths = [root / "train" / "cat" / "cat-0.jpg"] * 4
    with pytest.raises(DataError, match="4 images of 10000000x10000000 take 1200000 GB of memory"):
        decode(paths, 10_000_000, "decoding")


def test_no_progress_bar_where_no_terminal_is(root, capfd):
    image_folder(root=str(root))
    assert capfd.readouterr() == ("", "")


def test_nothing_is_laid_among_the_classes_where_another_loader_would_take_it_for_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    root = tmp_path / "flat"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(root / name / "0.png")
    first = image_folder(root=str(root))
    assert {path.name for path in root.iterdir()} == {"a", "b"}
    assert len(list((tmp_path / "home-cache" / "clr_study").iterdir())) == 1
    assert torch.equal(image_folder(root=str(root)).train.inputs, first.train.inputs)
