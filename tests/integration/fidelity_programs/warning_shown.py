import warnings

warnings.warn("look out")
warnings.warn("old", DeprecationWarning)
print("goes on")
