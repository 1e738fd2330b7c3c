# SPDX-License-Identifier: Apache-2.0
"""A masking gateway of FastAPI and httpx, for uvicorn. ORIGIN is where it passes requests on to."""
import os
import ssl

import fastapi
import fastapi.responses
import httpx
import seven

ORIGIN = os.environ["ORIGIN"]
NOT_PASSED_ON = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}


app = fastapi.FastAPI()
client = httpx.AsyncClient(verify=ssl.create_default_context(), timeout=60,
                           limits=httpx.Limits(max_connections=256, max_keepalive_connections=256))


@app.post("/{path:path}")
async def pass_on(path: str, request: fastapi.Request):
    body = seven.mask((await request.body()).decode())
    headers = {name: value for name, value in request.headers.items() if name not in NOT_PASSED_ON}
    asked = client.build_request("POST", f"{ORIGIN}/{path}", params=request.query_params, content=body.encode(),
                                 headers=headers)
    answer = await client.send(asked, stream=True)

    async def restored():
        async for text in answer.aiter_text():
            yield seven.unmask(text)
        await answer.aclose()

    headers = {name: value for name, value in answer.headers.items() if name not in NOT_PASSED_ON}
    return fastapi.responses.StreamingResponse(restored(), status_code=answer.status_code, headers=headers)
