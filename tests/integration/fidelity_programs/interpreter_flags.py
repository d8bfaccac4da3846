import sys

print(sys.flags.isolated, sys.flags.no_site, sys.flags.optimize, sys.flags.dev_mode, sys.flags.utf8_mode)
print(sys.flags.safe_path, sys.flags.no_user_site, sys.flags.ignore_environment, sys.flags.dont_write_bytecode)
print(sys.dont_write_bytecode, sys.warnoptions, sys._xoptions, sys.pycache_prefix)
print(sys.version, sys.implementation.name, sys.byteorder, sys.maxsize)
print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile())
