"""The endpoint that judges texts."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from amazon_reviews.models.loading import no_model
from amazon_reviews.models.sentiment.texts import LONGEST, unusable_reason
from amazon_reviews.serving.api.dependencies import Asking, ModelVersion, SentimentInUse
from amazon_reviews.serving.api.settings import MOST_TEXTS
from amazon_reviews.serving.model_cache import InUse

router = APIRouter(tags=["reviews"])

Text = Annotated[str, Field(max_length=LONGEST, examples=["It stopped working after a week."])]
_MOST_WORDS = 10

# label_a is a deprecated name of negative_up_to_3.
Task = Literal["binary", "negative_up_to_3", "three", "five", "label_a"]


class OneText(BaseModel):
    """A text to judge."""

    model_config = ConfigDict(extra="forbid")
    text: Text
    task: Task = "binary"


class ManyTexts(BaseModel):
    """Texts to judge."""

    model_config = ConfigDict(extra="forbid")
    texts: Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
    task: Task = "binary"


class Word(BaseModel):
    """A word or pair of words, and the log-odds it adds for the label."""

    words: str
    weight: float


class Judgement(BaseModel):
    """What a text says; `refused` is why there is no label."""

    label: str | None
    probability: float | None
    words: list[Word]
    refused: str | None


class OneJudgement(Judgement):
    """What the text says, and the model that says so."""

    model: ModelVersion


class ManyJudgements(BaseModel):
    """What each text says, in their order, and the model that says so."""

    results: list[Judgement]
    model: ModelVersion


@router.post("/sentiment", response_model=OneJudgement | ManyJudgements)
async def sentiment(
    answers: Asking, in_use: SentimentInUse, asked: OneText | ManyTexts
) -> Response:
    """Label, probability and the words that decided, of one text or of a batch."""
    body = await answers.ask_model(lambda: orjson.dumps(_judged(in_use, asked)))
    return Response(body, media_type="application/json")


def _judged(in_use: InUse[Any], asked: OneText | ManyTexts) -> dict[str, Any]:
    loaded = in_use.get()
    if loaded is None:
        raise HTTPException(503, no_model("sentiment"))
    model = {"name": loaded.stored.name, "version": loaded.stored.version}
    if isinstance(asked, OneText):
        return {**_judgement(loaded.model, asked.text, asked.task), "model": model}
    results = [_judgement(loaded.model, text, asked.task) for text in asked.texts]
    return {"results": results, "model": model}


def _judgement(model: Any, text: str, task: str) -> dict[str, Any]:
    if reason := unusable_reason(text):
        return {"label": None, "probability": None, "words": [], "refused": reason}
    from amazon_reviews.models.sentiment.explanation import explain

    found = explain(model, text, task=task, most=_MOST_WORDS)
    words = [{"words": reason.words, "weight": float(reason.weight)} for reason in found.reasons]
    return {
        "label": found.label,
        "probability": found.probability,
        "words": words,
        "refused": None,
    }
