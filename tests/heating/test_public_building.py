"""A public building's chilled and hot water against another implementation: real loads, whose truth nobody planted.

The hour from 20:00 of 175 days, September 1989 to February 1990, of a university's engineering building in Texas:
outdoor temperature in tenths of °F, chilled and hot water in hundred thousands of Btu. Source: problem A of ASHRAE's
Great Energy Predictor Shootout (1993), as the data set "building" of Proben1 and of the neural network library FANN
2.2.0, which tell no date; so they are in order of temperature. The constants are those of scipy 1.17.1, `linregress`
and `curve_fit`.
"""

import numpy as np
import pandas as pd
import pytest

from belimo_nb.heating import fit_signature

TENTHS_F = """
135 192 259 280 290 308 325 332 340 347 377 404 418 422 426 435 446 451 461 465 466 466 473 473 477 479 479 487
490 492 494 494 496 499 502 503 504 510 510 513 516 518 522 526 526 533 534 539 547 547 548 549 550 550 551 553
553 562 563 564 565 568 585 587 588 593 593 596 596 598 605 608 610 610 615 616 616 621 621 622 622 629 635 638
644 648 648 657 659 665 667 670 672 672 673 675 678 681 682 684 684 686 688 689 692 692 697 699 702 704 707 707
710 715 715 717 717 723 730 733 737 738 742 744 746 755 759 765 767 771 771 773 775 776 780 780 784 785 790 792
795 804 807 816 820 821 822 825 826 830 830 830 832 840 844 846 848 850 854 856 856 857 863 866 871 884 884 894
894 940 941 945 952 953 961
"""
CHILLED = """
28 22 30 34 31 31 38 33 35 36 25 35 43 36 39 41 38 43 36 38 44 44 35 43 44 40 45 47 39 41 42 43 45 46 40 46 51
47 51 39 45 39 41 43 52 51 43 51 53 55 44 50 39 54 50 45 48 26 51 51 61 52 48 40 52 58 60 43 47 53 42 44 46 47
44 48 54 45 53 25 53 54 49 56 48 44 54 52 50 57 63 44 51 55 58 53 48 57 63 47 59 59 57 62 50 54 56 58 49 54 50
51 56 50 60 45 61 47 50 62 50 71 48 57 52 56 55 62 68 59 64 59 47 62 53 57 49 55 60 61 49 64 61 55 57 56 52 73
56 54 59 66 73 55 60 56 61 59 55 60 69 65 61 64 73 64 73 59 71 64 72 73 72 69 69
"""
HOT = """
60 56 46 51 52 42 44 50 38 46 49 45 44 33 31 45 46 41 47 48 31 39 34 29 25 29 46 30 33 35 38 34 43 30 40 41 44
46 43 33 28 34 46 27 38 28 42 34 31 27 42 37 29 19 37 29 24 39 26 35 27 23 36 36 33 32 31 36 24 32 35 25 19 24
25 23 38 36 16 32 15 34 16 21 30 30 27 30 28 36 25 26 7 14 21 29 18 32 20 11 30 26 35 20 21 10 25 19 12 10 13 10
18 17 14 11 21 13 15 22 11 23 14 11 16 18 8 15 6 13 6 8 10 8 10 7 3 7 9 11 13 7 11 10 9 4 9 5 9 10 6 7 4 9 5 8 7
5 9 5 6 6 4 6 4 6 4 11 4 6 3 3 4 8 7
"""
KWH = 29.307107  # in a hundred thousand Btu


def days(numbers):
    """A value for each day."""
    values = np.array(numbers.split(), float)
    return pd.Series(values, pd.date_range("1989-09-01", periods=len(values), tz="America/Chicago"))


OUTDOOR = (days(TENTHS_F) / 10 - 32) / 1.8


def test_chilled_water():
    """It rises with the temperature as far as it was measured: a line, and no balance point is claimed."""
    found = fit_signature(days(CHILLED) * KWH, OUTDOOR, kind="cooling")
    assert (found.model, found.n_days) == ("2P", 175)
    assert np.isnan(found.balance_point_c)
    assert found.slope_kwh_d_k == pytest.approx(28.441928, rel=1e-6)
    assert found.at_zero_kwh_d == pytest.approx(987.502672, rel=1e-6)
    assert found.r2 == pytest.approx(0.6941725, abs=1e-6)
    assert found.cv_rmse == pytest.approx(0.1151671, abs=1e-6)


def test_hot_water():
    """What reheats the air falls until 30 °C: the balance point is within a step of our grid, the rest follows it."""
    found = fit_signature(days(HOT) * KWH, OUTDOOR)
    assert (found.model, found.n_days) == ("3P", 175)
    assert found.balance_point_c == pytest.approx(30.1667, abs=0.1)
    assert found.slope_kwh_d_k == pytest.approx(43.1205, rel=0.001)
    assert found.base_kwh_d == pytest.approx(160.3772, rel=0.01)
    assert found.r2 == pytest.approx(0.8254212, abs=1e-5)
    assert found.cv_rmse == pytest.approx(0.2521855, abs=1e-5)
