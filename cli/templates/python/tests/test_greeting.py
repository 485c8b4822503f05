import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "src"))

from greeting import Nobody, TooLong, greeting  # noqa: E402


class Greetings(unittest.TestCase):
    def test_greetings(self):
        self.assertEqual(greeting("ada"), "Hello, ada!")
        self.assertRaises(Nobody, greeting, "")
        with self.assertRaises(TooLong) as raised:
            greeting("é" * 65)
        self.assertEqual(raised.exception.letters, 65)


if __name__ == "__main__":
    unittest.main()
