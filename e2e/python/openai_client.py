"""The official OpenAI package, driven by foreign-clients.test.mjs: lists the models, then streams an answer.

usage: openai_client.py URL TOKEN
"""

import json
import sys

from openai import OpenAI

url, token = sys.argv[1:]
client = OpenAI(base_url=f"{url}/api", api_key=token, max_retries=0)
models = [model.id for model in client.models.list()]
pieces, finish_reasons = [], []
stream = client.chat.completions.create(
    model=models[0],
    messages=[{"role": "user", "content": "Say something short."}],
    stream=True,
)
for chunk in stream:
    for choice in chunk.choices:
        if choice.delta.content:
            pieces.append(choice.delta.content)
        if choice.finish_reason:
            finish_reasons.append(choice.finish_reason)
whole = client.chat.completions.create(
    model=models[0],
    messages=[{"role": "user", "content": "Say something short."}],
)
print(
    json.dumps(
        {
            "models": models,
            "pieces": pieces,
            "finish_reasons": finish_reasons,
            "whole": whole.choices[0].message.content,
        }
    )
)
