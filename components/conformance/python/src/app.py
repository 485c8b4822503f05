"""Every kind of type through Python."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import echo, logging


def through(name):
    """Gives the value on, or back."""

    def function(self, forward, value):
        logging.log(logging.Level.DEBUG, "python", name)
        return getattr(echo, name)(False, value) if forward else value

    return function


class Echo(exports.Echo):
    echo_integers = through("echo_integers")
    echo_others = through("echo_others")
    echo_text = through("echo_text")
    echo_bytes = through("echo_bytes")
    echo_numbers = through("echo_numbers")
    echo_season = through("echo_season")
    echo_rights = through("echo_rights")
    echo_shape = through("echo_shape")
    echo_maybe = through("echo_maybe")
    echo_pair = through("echo_pair")
    echo_nested = through("echo_nested")

    def echo_outcome(self, forward, value):
        """A result that is returned is its value, or is raised."""
        logging.log(logging.Level.DEBUG, "python", "echo_outcome")
        if forward:
            return echo.echo_outcome(False, value)
        if isinstance(value, Err):
            raise value
        return value.value
