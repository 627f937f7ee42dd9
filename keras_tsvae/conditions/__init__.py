"""What images can be conditioned on: attributes, classes, a number, or any vector.

Each kind turns what a user writes into the coded condition that networks take, a float32 vector of
`size` values, and back.
"""

from keras_tsvae.conditions.attributes import Attributes
from keras_tsvae.conditions.classes import Classes
from keras_tsvae.conditions.condition import Condition
from keras_tsvae.conditions.joint import JointConditions
from keras_tsvae.conditions.number import Number
from keras_tsvae.conditions.vector import Vector

__all__ = ["Attributes", "Classes", "Condition", "JointConditions", "Number", "Vector"]
