import io
import sys

sys.stdout = buffer = io.StringIO()
print("hidden")
sys.stdout = sys.__stdout__
print(repr(buffer.getvalue()))
