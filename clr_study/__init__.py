"""Which learning-rate schedule should I train this network with, how sure is that, and what did finding out cost?"""

__version__ = "0.1.0"
