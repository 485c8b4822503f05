"""What other components call. What is said is in greeting.py, which is tested without a host."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import greeter
from wit_world.imports import logging

from greeting import Nobody, TooLong, greeting


class Greeter(exports.Greeter):
    """The interface `greeter` of wit/world.wit. An Err that is raised is the error of a result."""

    def greet(self, name: str) -> str:
        logging.log(logging.Level.INFO, "greeter", "somebody is greeted")
        try:
            return greeting(name)
        except Nobody:
            raise Err(greeter.Refusal_Nobody()) from None
        except TooLong as error:
            raise Err(greeter.Refusal_TooLong(error.letters)) from None
