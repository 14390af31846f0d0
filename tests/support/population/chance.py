"""What is drawn at random, and what is given once only."""

import random
import zlib

_BITS = 1 << 27


class Chance(random.Random):
    """Draws, the same for the same seed, that know which addresses somebody has already."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._taken = bytearray(_BITS >> 3)

    def takes(self, address: str) -> bool:
        """Give an e-mail address or a domain to somebody; returns False, and gives nothing, if it may be taken.

        As in reality nobody has the address of another. A bit stands for many addresses, so that any number of
        customers takes as much memory; now and then a free address counts as taken for that.
        """
        place, bit = divmod(zlib.crc32(address.encode()) % _BITS, 8)
        if self._taken[place] >> bit & 1:
            return False
        self._taken[place] |= 1 << bit
        return True
