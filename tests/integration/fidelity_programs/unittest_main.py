import unittest


class Tests(unittest.TestCase):
    def test_fails(self):
        self.assertEqual([1, 2], [1, 3])


result = unittest.TextTestRunner(stream=open("log", "w")).run(unittest.defaultTestLoader.loadTestsFromName("__main__"))
for test, text in result.failures:
    print(test, text)
