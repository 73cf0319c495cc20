"""Training and analysing as files and processes: one works, others wait their turn, no browser needs to be open.

A job is a folder. What it is doing is read from its files and never kept in memory, so that pages may be closed and the
app restarted:

| file | what | written by |
|---|---|---|
| `job.json` | what was asked for | the page, once |
| `queued` | it waits, since the time in it | the page; removed by the runner, or by the page to cancel |
| `process.json` | the processes that work and that watch: their ids and when they started | the runner |
| `stop` | it was asked to stop | the page |
| `ended.json` | the exit code | the runner |
| `log.txt` | what the work printed | the work |

`requests` are what can be asked for, `jobs` reads the files, `control` is what a page may ask for, `runner` is the
program that works.
"""
