import io
import sys

sys.stderr = io.StringIO()
raise ValueError("caught by the replacement")
