import locale
import sys

print(sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
print(locale.getpreferredencoding(), locale.getlocale(), locale.setlocale(locale.LC_CTYPE))
print(open("new.txt", "w").encoding)
