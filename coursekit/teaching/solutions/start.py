"""The worked solution of 00."""

import torch


def answer(joint, least):
    return torch.where(joint.sum(0) < least, -1, joint.argmax(0))
