"""The dashboard: a Streamlit app. This module starts it, and does not import Streamlit."""

import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("main.py")


def streamlit_command(host: str, port: int) -> list[str]:
    """Return the command that serves the app without telemetry, browser, watching or tracebacks."""
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 50,
        "browser.gatherUsageStats": "false",
        # The default colour has too little contrast with the dark background.
        "theme.dark.primaryColor": "#FF8A80",
        # Filters have a default, and keep what was chosen on another page.
        "global.disableWidgetStateDuplicationWarning": "true",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(SCRIPT), *flags]
