"""The data sets that a study file can name: functions with keyword arguments that return `Splits`."""

from clr_study.data.datasets.arrays import npz
from clr_study.data.datasets.cifar import cifar10, cifar100
from clr_study.data.datasets.folder import cache_folder, folder_table, image_folder
from clr_study.data.datasets.idx import fashion_mnist, mnist
from clr_study.data.datasets.made import digits, synthetic
from clr_study.data.datasets.registered import DATASETS
from clr_study.data.datasets.tables import breast_cancer, diabetes
from clr_study.data.datasets.text import python_topics, text

__all__ = [
    "DATASETS",
    "breast_cancer",
    "cache_folder",
    "cifar10",
    "cifar100",
    "diabetes",
    "digits",
    "fashion_mnist",
    "folder_table",
    "image_folder",
    "mnist",
    "npz",
    "python_topics",
    "synthetic",
    "text",
]
