"""The endpoint of the sentiment of texts."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from amazon_reviews.models.loading import no_model
from amazon_reviews.models.sentiment.texts import LONGEST, unusable_reason
from amazon_reviews.serving.api.bodies import JsonBody, parse
from amazon_reviews.serving.api.dependencies import ModelVersion, Queries, SentimentModel
from amazon_reviews.serving.api.settings import MOST_TEXTS
from amazon_reviews.serving.model_cache import ModelCache

router = APIRouter(tags=["reviews"])

Text = Annotated[str, Field(max_length=LONGEST, examples=["It stopped working after a week."])]
_MOST_WORDS = 10

# label_a is a deprecated name of negative_up_to_3.
Task = Literal["binary", "negative_up_to_3", "three", "five", "label_a"]


class OneText(BaseModel):
    """A text to label."""

    model_config = ConfigDict(extra="forbid")
    text: Text
    task: Task = "binary"


class ManyTexts(BaseModel):
    """Texts to label."""

    model_config = ConfigDict(extra="forbid")
    texts: Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
    task: Task = "binary"


class Word(BaseModel):
    """A word or a pair of words, with the log-odds that it adds for the label."""

    words: str
    weight: float


class Start(BaseModel):
    """The prediction without any word: the label of most reviews."""

    label: str
    probability: float


class Sentiment(BaseModel):
    """The sentiment of a text; `refused` is the reason of a text without a label.

    Without a word that the model knows, `known` is False and the label that of the start.
    """

    label: str | None
    probability: float | None
    start: Start | None
    known: bool
    words: list[Word]
    refused: str | None


class OneSentiment(Sentiment):
    """The sentiment of the text, and the version of the model."""

    model: ModelVersion


class ManySentiments(BaseModel):
    """The sentiment of each text, in the order of the texts, and the version of the model."""

    results: list[Sentiment]
    model: ModelVersion


_REQUEST: TypeAdapter[OneText | ManyTexts] = TypeAdapter(OneText | ManyTexts)
_SCHEMA = {"anyOf": [model.model_json_schema() for model in (OneText, ManyTexts)]}
_DOCUMENTED_BODY = {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}


@router.post(
    "/sentiment",
    response_model=OneSentiment | ManySentiments,
    openapi_extra={"requestBody": _DOCUMENTED_BODY},
)
async def sentiment(queries: Queries, cache: SentimentModel, body: JsonBody) -> Response:
    """Label, probability and the most important words of one text, or of each of several."""

    def predict() -> bytes:
        return orjson.dumps(_predict(cache, parse(body, _REQUEST)))

    return Response(await queries.run_model(predict), media_type="application/json")


def _predict(cache: ModelCache[Any], request: OneText | ManyTexts) -> dict[str, Any]:
    loaded = cache.get()
    if loaded is None:
        raise HTTPException(503, no_model("sentiment"))
    model = {"name": loaded.stored.name, "version": loaded.stored.version}
    if isinstance(request, OneText):
        return {**_sentiment(loaded.model, request.text, request.task), "model": model}
    results = [_sentiment(loaded.model, text, request.task) for text in request.texts]
    return {"results": results, "model": model}


def _sentiment(model: Any, text: str, task: str) -> dict[str, Any]:
    if reason := unusable_reason(text):
        nothing = {"label": None, "probability": None, "start": None, "known": False}
        return {**nothing, "words": [], "refused": reason}
    # Here because it loads scikit-learn, which takes seconds: see model_cache.
    from amazon_reviews.models.sentiment.explanation import explain

    explanation = explain(model, text, task=task, most=_MOST_WORDS)
    words = [{"words": each.words, "weight": float(each.weight)} for each in explanation.reasons]
    return {
        "label": explanation.label,
        "probability": explanation.probability,
        "start": {"label": explanation.start, "probability": explanation.start_probability},
        "known": explanation.has_known_words,
        "words": words,
        "refused": None,
    }
