"""A pre-trained classifier of stars, as in the Inteligencia Colectiva warehouse.

It is an optional baseline. It needs the packages of the extra `star-classifier`, and a folder with
`model.onnx` and `tokenizer.json`, such as an export of
nlptown/bert-base-multilingual-uncased-sentiment.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from amazon_reviews.errors import StarClassifierError

LONGEST = 512
"""The most tokens of a text that the network reads."""
_BATCH = 16
_FILES = ("model.onnx", "tokenizer.json")


class StarClassifier:
    """Predicts stars from texts with a pre-trained network."""

    def __init__(self, folder: Path) -> None:
        """Load the network and its tokenizer.

        Raises:
            StarClassifierError: a package or a file is missing, or a file is invalid.
        """
        for name in _FILES:
            if not (folder / name).is_file():
                raise StarClassifierError(f"{folder / name} is missing")
        # Both belong to an extra, which most installations lack.
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise StarClassifierError(
                f"{error.name} is not installed; install amazon-reviews[star-classifier]"
            ) from None
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        except Exception as error:  # noqa: BLE001 - what both libraries raise has no other base
            raise StarClassifierError(f"{folder} has no usable classifier: {error}") from None
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding()
        self._inputs = {field.name for field in self._session.get_inputs()}

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probabilities of 1 to 5 stars: texts × 5.

        Raises:
            StarClassifierError: the output of the network is not texts × 5.
        """
        parts = [self._logits(texts[k : k + _BATCH]) for k in range(0, len(texts), _BATCH)]
        return softmax(np.concatenate(parts or [np.zeros((0, 5))]), axis=1)

    def positive(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of 4 or 5 stars, given that a text has not 3."""
        stars = self.probabilities(texts)
        good = stars[:, 3:].sum(axis=1)
        return np.asarray(good / (good + stars[:, :2].sum(axis=1)))

    def _logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        encoded = self._tokenizer.encode_batch(list(texts))
        fields = {
            "input_ids": [text.ids for text in encoded],
            "attention_mask": [text.attention_mask for text in encoded],
            "token_type_ids": [text.type_ids for text in encoded],
        }
        feed = {name: np.array(fields[name], np.int64) for name in fields if name in self._inputs}
        (logits, *_) = self._session.run(None, feed)
        if np.shape(logits) != (len(texts), 5):
            raise StarClassifierError(
                f"the network returns {np.shape(logits)} for {len(texts)} texts"
            )
        return np.asarray(logits, np.float64)
