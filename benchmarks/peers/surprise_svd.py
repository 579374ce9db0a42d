"""Cross-validation of scikit-surprise's SVD: `python surprise_svd.py RATINGS.npz` prints JSON.

It runs in a separate environment without this project. The file has the arrays `users`, `items`,
`ratings` and `folds`, each (n,).
"""

import json
import sys
import time

import numpy as np
import surprise


def main(path: str) -> None:
    """Print the errors, and the seconds of training and prediction without data preparation."""
    with np.load(path) as stored:
        columns = [stored[name].tolist() for name in ("users", "items", "ratings")]
        folds = stored["folds"]
    rows = [(*row, None) for row in zip(*columns, strict=True)]
    scale = (min(columns[2]), max(columns[2]))
    data = surprise.Dataset(surprise.Reader(rating_scale=scale))
    errors, seconds = [], 0.0
    for fold in range(folds.max() + 1):
        train = data.construct_trainset([rows[at] for at in np.flatnonzero(folds != fold)])
        test = [rows[at][:3] for at in np.flatnonzero(folds == fold)]
        began = time.perf_counter()
        predictions = surprise.SVD(random_state=0).fit(train).test(test)
        seconds += time.perf_counter() - began
        differences = np.array([prediction.est - prediction.r_ui for prediction in predictions])
        errors.append((np.sqrt(np.mean(differences**2)), np.abs(differences).mean()))
    rmse, mae = np.mean(errors, axis=0)
    report = {"version": surprise.__version__, "seconds": seconds, "rmse": rmse, "mae": mae}
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
