# FineGrain Lens in a container, as an ordinary user; offline once built.
#   docker build -t finegrain-lens . && docker run --rm -p 127.0.0.1:8501:8501 -v finegrain:/data finegrain-lens
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 lens && mkdir /data && chown lens /data
WORKDIR /opt/finegrain-lens
# torch for the CPU alone is a fifth of the size; leave the index out for an image that uses NVIDIA's GPUs
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision
COPY requirements-core.txt requirements-app.txt requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps .

USER lens
WORKDIR /data
EXPOSE 8501
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
# The app has no login: inside the container it listens to all, outside publish the port on this machine only, as above.
CMD ["finegrain-lens", "--server.address=0.0.0.0", "--server.port=8501"]
