import platform

print(platform.python_version(), platform.python_implementation(), platform.system(), platform.machine())
