"""Source system 1's label B: the polarity that TextBlob finds in a text, without any learning."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.texts import LONGEST


def polarities(texts: Iterable[str | None]) -> NDArray[np.float64]:
    """Polarity of each text, from -1 to 1; 0 for none. Above 0 is source system 1's positive.

    Takes the package `textblob` and none of its corpora: the lexicon comes with it.

    Raises:
        ImportError: TextBlob is not installed.
    """
    from textblob import TextBlob

    found = (TextBlob(text[:LONGEST]).sentiment.polarity if text else 0.0 for text in texts)
    return np.fromiter(found, np.float64)
