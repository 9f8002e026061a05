# Shared by the commands in this folder: find Python, make the virtual environment, install what is pinned.
# 共用部分：查找 Python、建立虚拟环境、安装固定版本的依赖包。

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON="$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed (apt install python3 python3-pip).
需要 Python 3.11 或更高版本（apt install python3 python3-pip）。"
}

make_venv() {
    if "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
    find_python
    rm -rf "$VENV" 2>/dev/null
    mkdir -p "$VENV" 2>/dev/null && [ -w "$VENV" ] || fail "$ROOT cannot be written by $(id -un): clone the desk into a folder of your own.
$(id -un) 无法写入 $ROOT：请把项目放到您自己的文件夹中。"
    say "Making the virtual environment in .venv … 正在建立虚拟环境…"
    if "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        "$PYTHON" -m venv "$VENV" || fail "The virtual environment could not be made. 无法建立虚拟环境。"
    elif "$PYTHON" -m pip --version >/dev/null 2>&1; then
        # Debian without python3-venv: uv makes the environment, pip fills it from outside.
        rm -rf "$VENV"
        "$PYTHON" -m pip install --quiet --target "$ROOT/.boot" uv && "$ROOT/.boot/bin/uv" --quiet venv --python "$PYTHON" "$VENV" || fail "The virtual environment could not be made: pip could not fetch uv. 无法建立虚拟环境：pip 无法下载 uv。"
        rm -rf "$ROOT/.boot"
    else
        rm -rf "$VENV"
        fail "pip is missing: apt install python3-pip (or python3-venv).
缺少 pip：请执行 apt install python3-pip（或 python3-venv）。"
    fi
}

# pip of the environment, or the system's pip working on the environment from outside.
venv_pip() {
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        "$VENV/bin/python" -m pip "$@"
    else
        find_python
        "$PYTHON" -m pip --python "$VENV/bin/python" "$@"
    fi
}

# install_packages FILE: install what FILE pins, unless exactly that was installed before.
install_packages() {
    local file="$1" stamp="$VENV/.installed-$1" sum
    sum="$(cd "$ROOT" && cat requirements.txt "$file" | sha256sum)"
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    say "Installing the packages of $file (once, takes a minute) … 正在安装依赖包（仅首次，约一分钟）…"
    (cd "$ROOT" && venv_pip install --quiet --requirement "$file") || fail "The packages of $file could not be installed; see above.
无法安装 $file 中的依赖包，原因见上。"
    printf '%s' "$sum" > "$stamp"
}
