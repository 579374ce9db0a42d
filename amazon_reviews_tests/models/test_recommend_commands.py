"""`amazon-reviews recommend` and `similar`: output and errors."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.products import Facts, describe
from amazon_reviews.models.recommender.storage import save
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews_tests.models.interactions import tastes


@pytest.fixture(scope="module")
def known():
    sample = tastes(80, 30)
    facts = [Facts(title=f"Thing {k}", categories=(f"c{k % 4}",)) for k in range(30)]
    return replace(sample, products=describe(enumerate(facts), len(facts)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, empty_store, known):
    """A model store with a hybrid and BM25, and no warehouse beside it."""
    folder = tmp_path_factory.mktemp("models")
    empty_store(folder)
    for method in ("hybrid", "bm25"):
        recommender = method_named(method).fit(known)
        path = folder / f"{method}.npz"
        save(RecommenderModel(method, recommender, known.user_ids, known.item_ids), path)
        ModelStore(folder).publish(f"recommender_{method}", path, Record(), make_current=True)
    return folder


@pytest.fixture
def command(folder, tmp_path):
    def run(*arguments, models=folder):
        env = {
            "AMAZON_REVIEWS_MODELS": str(models),
            "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb",
        }
        return CliRunner().invoke(main, list(map(str, arguments)), env=env)

    return run


@pytest.mark.parametrize("method", ["hybrid", "bm25"])
def test_recommend_prints_new_products_with_reasons(command, known, method):
    result = command("recommend", "u007", "--k", 5, "--method", method, "--json")

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["user"], answer["method"], answer["cold"]) == ("u007", method, False)
    assert [row["place"] for row in answer["products"]] == [1, 2, 3, 4, 5]
    rated = known.users == 7
    ratings = dict(zip(known.item_ids[known.items[rated]], known.ratings[rated], strict=True))
    assert not {row["asin"] for row in answer["products"]} & set(ratings)
    reasons = [row for row in answer["products"] if row["because"]]
    assert reasons
    assert all(ratings[row["because"]] == row["because_rating"] >= 4 for row in reasons)


def test_recommend_prints_a_line_per_product_with_its_reason(command):
    lines = command("recommend", "u007", "--k", 3).stdout.splitlines()
    assert lines[0].split()[0] == "1"
    assert any(line.strip().startswith("the customer rated Unknown · i") for line in lines)


def test_recommend_prints_popular_products_for_an_unknown_customer_with_a_note(command, known):
    result = command("recommend", "nobody", "--k", 4, "--json")
    assert "hybrid has no data on 'nobody': these are the popular products" in result.stderr
    answer = json.loads(result.stdout)
    assert answer["cold"] is True
    popular = known.item_ids[method_named("popularity").fit(known).popular_[:4]]
    assert [row["asin"] for row in answer["products"]] == popular.tolist()


def test_similar_prints_similar_products(command):
    answer = json.loads(command("similar", "i05", "--k", 6, "--json").stdout)
    assert answer["cold"] is False
    assert len(answer["products"]) == 6
    assert "i05" not in {row["asin"] for row in answer["products"]}
    unknown = command("similar", "B0NOTHERE", "--k", 2)
    assert unknown.exit_code == 0
    assert "has no data on 'B0NOTHERE'" in unknown.stderr
    assert len(unknown.stdout.splitlines()) == 2


def test_similar_with_a_large_k_prints_all_products(command):
    answer = json.loads(command("similar", "i05", "--k", 1_000, "--json").stdout)
    assert len(answer["products"]) == 29


@pytest.mark.parametrize("k", [0, -1, 1_000_000, "many"])
@pytest.mark.parametrize("name", ["recommend", "similar"])
def test_invalid_k_exits_with_2(command, name, k):
    result = command(name, "u007", "--k", k)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--k" in result.stderr


def test_empty_id_unknown_method_and_missing_model_exit_with_2(command, tmp_path):
    for name, what in (("recommend", "USER"), ("similar", "ASIN")):
        for empty in ("", "  "):
            assert f"{what} is empty" in command(name, empty).stderr
    assert "magic" in command("recommend", "u007", "--method", "magic").stderr
    result = command("recommend", "u007", models=tmp_path / "models")
    assert result.exit_code == 2
    assert "asset model/recommender_hybrid" in result.stderr
