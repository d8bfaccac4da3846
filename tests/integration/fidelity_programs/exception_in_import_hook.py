import importlib

importlib.import_module("xml.no_such_part")
