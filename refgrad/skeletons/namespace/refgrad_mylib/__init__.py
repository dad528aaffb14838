"""mylib as a backend: of a module that speaks torch, nothing more is needed."""

import refgrad as mylib  # your library's place: import mylib


class MyLib:
    name, version, homepage = "mylib", mylib.__version__, "https://example.org/mylib"
    namespace = mylib
