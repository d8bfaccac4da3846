"""The plots, as figures of plotly; they hold numbers and words of ours only, for plotly reads texts as HTML."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.generators import FinishReason
from trialbox.synthesis.results import CONFIDENCE, Estimate, Summary
from trialbox.synthesis.store import NOT_GRADED, PASSED, STATES

with extra_synthesis("the report"):
    import plotly.graph_objects as go

# Okabe and Ito's, which colour-blind people tell apart; the blue a little lighter, to be seen on black too.
_BLUE, _ORANGE, _GREEN, _GREY = "#2a7fc9", "#d55e00", "#009e73", "#868e96"
_TOKEN_BARS = 24
_OTHER = "other"
_BY_FINISH = {
    str(FinishReason.STOP): _BLUE,
    str(FinishReason.LENGTH): _ORANGE,
    str(FinishReason.REFUSED): _GREEN,
    _OTHER: _GREY,
}


def figures(summary: Summary) -> dict[str, Any]:
    """The plots that the run has numbers for, by name."""
    made = {
        "pass-at-k": _pass_at_k(summary),
        "outcomes": _outcomes(summary.states),
        "shares": _shares([(task.graded, task.passed) for task in summary.tasks]),
        "tokens": _tokens(summary.tokens),
    }
    return {name: json.loads(figure.to_json()) for name, figure in made.items() if figure is not None}


def _pass_at_k(summary: Summary) -> go.Figure | None:
    # One point alone tells no more than the page's head.
    if len(summary.pass_at_k) < 2:
        return None
    figure = _figure("k, samples tried for a task", "pass@k, % of tasks")
    if summary.base_pass_at_k:
        _add_curve(figure, "base cases", summary.base_pass_at_k, _ORANGE, "dash")
    _add_curve(figure, "all cases", summary.pass_at_k, _BLUE, "solid")
    ks = [rate.k for rate in summary.pass_at_k]
    figure.update_xaxes(type="log", tickvals=ks, ticktext=[str(k) for k in ks])
    figure.update_yaxes(rangemode="tozero")
    return figure


def _add_curve(figure: go.Figure, name: str, rates: Sequence[Estimate], colour: str, dash: str) -> None:
    ks = [rate.k for rate in rates]
    figure.add_scatter(
        x=[*ks, *reversed(ks)],
        y=[100 * bound for bound in [*(rate.high for rate in rates), *(rate.low for rate in reversed(rates))]],
        fill="toself",
        fillcolor=colour,
        opacity=0.25,
        line={"width": 0},
        mode="lines",
        name=f"{name}, {CONFIDENCE:.0%} interval",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=ks,
        y=[100 * rate.value for rate in rates],
        mode="lines+markers",
        line={"color": colour, "dash": dash},
        name=name,
        customdata=[[100 * rate.low, 100 * rate.high] for rate in rates],
        hovertemplate="pass@%{x}: %{y:.1f} % (%{customdata[0]:.1f} to %{customdata[1]:.1f} %)<extra></extra>",
    )


def _outcomes(states: Mapping[str, int]) -> go.Figure | None:
    # Plotly draws the first at the bottom.
    shown = [name for name in reversed(STATES) if states.get(name)]
    if not shown:
        return None
    total = sum(states.values())
    figure = _figure("Samples, %", None)
    figure.add_bar(
        orientation="h",
        x=[100 * states[name] / total for name in shown],
        y=shown,
        marker={"color": [{PASSED: _BLUE, NOT_GRADED: _GREY}.get(name, _ORANGE) for name in shown]},
        text=[f"{states[name]:,}" for name in shown],
        textposition="auto",
        hovertemplate="%{y}: %{text} samples, %{x:.1f} %<extra></extra>",
    )
    figure.update_yaxes(automargin=True, showgrid=False)
    return figure


def _shares(tasks: Sequence[tuple[int, int]]) -> go.Figure | None:
    """None at all and every one are bars of their own: what lies between is what more samples help."""
    if not tasks:
        return None
    names = ["none", "≤ 10", *(f"≤ {bound}" for bound in range(20, 100, 10)), "< 100", "all"]
    counts: Counter[str] = Counter()
    for graded, passed in tasks:
        # In whole numbers: a share that is on a bound is in the bar that it bounds.
        tenth = -(-10 * passed // graded)
        counts["all" if passed == graded else names[tenth]] += 1
    figure = _figure("Samples of a task that pass, %", "Tasks")
    figure.add_bar(
        x=names,
        y=[counts[name] for name in names],
        marker={"color": _BLUE},
        hovertemplate="%{y} tasks<extra></extra>",
    )
    figure.update_xaxes(showgrid=False)
    return figure


def _tokens(tokens: Mapping[tuple[int, str], int]) -> go.Figure | None:
    if not tokens:
        return None
    most = max(count for count, _ in tokens)
    width = most // _TOKEN_BARS + 1
    bars: Counter[tuple[int, str]] = Counter()
    for (count, finish), samples in tokens.items():
        bars[count // width, finish if finish in _BY_FINISH else _OTHER] += samples
    figure = _figure("Tokens of a sample", "Samples")
    for finish, colour in _BY_FINISH.items():
        places = sorted(place for place, reason in bars if reason == finish)
        if places:
            figure.add_bar(
                x=[(place + 0.5) * width for place in places],
                y=[bars[place, finish] for place in places],
                width=width,
                name=f"ended by {finish}",
                marker={"color": colour},
                customdata=[[place * width, (place + 1) * width - 1] for place in places],
                hovertemplate="%{y} samples of %{customdata[0]} to %{customdata[1]} tokens<extra></extra>",
            )
    figure.update_layout(barmode="stack")
    return figure


def _figure(x: str, y: str | None) -> go.Figure:
    figure = go.Figure()
    # The page sets colours, which follow the reader's light or dark.
    figure.update_layout(template="none", margin={"l": 56, "r": 12, "t": 12, "b": 48}, bargap=0.15)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    figure.update_xaxes(title={"text": x}, fixedrange=True, automargin=True)
    figure.update_yaxes(title={"text": y}, fixedrange=True)
    return figure
