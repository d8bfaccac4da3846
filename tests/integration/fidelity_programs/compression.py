import bz2
import gzip
import hashlib
import lzma
import zlib

data = b"trial" * 100
for module in (bz2, gzip, lzma, zlib):
    print(module.__name__, module.decompress(module.compress(data)) == data)
print(hashlib.sha256(data).hexdigest(), hashlib.blake2b(data).hexdigest()[:16])
