import platform
import unittest

from greeter import _tally


class Tally(unittest.TestCase):
    def test_hash_is_the_documented_one(self):
        self.assertEqual(_tally.hash64(b""), 0xEFD01F60BA992926)
        self.assertEqual(_tally.hash64(b"greeter"), 0x49078A9FA4DDC39E)

    def test_estimate_is_within_four_standard_errors(self):
        for number in (0, 1, 10, 1000, 50_000):
            with self.subTest(number=number):
                registers = bytearray(_tally.REGISTERS)
                for i in range(number):
                    _tally.add(registers, b"name-%d" % i)
                error = abs(_tally.estimate(registers) - number)
                self.assertLessEqual(error, 4 * 0.0163 * number + 0.01)

    def test_the_same_name_changes_nothing(self):
        registers = bytearray(_tally.REGISTERS)
        self.assertTrue(_tally.add(registers, b"Ada"))
        before = bytes(registers)
        self.assertFalse(_tally.add(registers, b"Ada"))
        self.assertEqual(before, bytes(registers))

    def test_wrong_size_and_type_are_refused(self):
        for registers in (bytearray(), bytearray(_tally.REGISTERS + 1)):
            with self.assertRaises(ValueError):
                _tally.add(registers, b"Ada")
            with self.assertRaises(ValueError):
                _tally.estimate(registers)
        with self.assertRaises((TypeError, BufferError)):
            _tally.add(bytes(_tally.REGISTERS), b"Ada")
        with self.assertRaises(TypeError):
            _tally.hash64("text")

    def test_machine_is_the_one_it_runs_on(self):
        if platform.architecture()[0] != "64bit":
            self.skipTest("a 32-bit Python on a 64-bit kernel")
        self.assertEqual(_tally.MACHINE, platform.machine())


if __name__ == "__main__":
    unittest.main()
