#!/bin/sh
# Build the virtual machine in which the gateway's radio tests meet the real BlueZ: a Debian with bluez, a
# kernel with hci_vhci, and this project's locked Python packages. Cached; built anew when this file, the
# locked packages change. Needs root (debootstrap) and Debian's package archive.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/.cache/bluez-vm
release=bookworm  # its Python, 3.11, is the oldest that Cunmai supports

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

fingerprint() { cat "$here/build-image.sh" "$root/locks/dev.txt" | cksum; }
if [ -e "$cache/root.ext4" ] && [ "$(cat "$cache/fingerprint" 2>/dev/null)" = "$(fingerprint)" ]; then
    exit 0
fi

[ "$(id -u)" = 0 ] || fail "构建虚拟机需要 root / building the virtual machine needs root: run 'sudo ./dev test-bluez'."
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' \
    | sed -n "s/^$release //p" | head -n 1)
[ -n "$mirror" ] || fail "需要 Debian $release 的软件源 / this machine's apt has no Debian $release source."

say "构建 BlueZ 虚拟机, 首次约三分钟 … / building the BlueZ virtual machine, about three minutes the first time …"
rm -rf "$cache" && mkdir -p "$cache"
guest=$cache/guest
debootstrap --variant=minbase \
    --include=bluez,dbus,iproute2,kmod,linux-image-amd64,initramfs-tools,mosquitto,python3 \
    "$release" "$guest" "$mirror" > "$cache/debootstrap.log" 2>&1 \
    || { tail -n 5 "$cache/debootstrap.log" >&2; fail "debootstrap 失败 / debootstrap failed; the log is $cache/debootstrap.log"; }

# A small initrd: only what finds the disk. Under emulation every megabyte costs a second.
printf 'MODULES=list\nCOMPRESS=gzip\n' > "$guest/etc/initramfs-tools/conf.d/cunmai"
printf 'virtio_pci\nvirtio_blk\next4\n' >> "$guest/etc/initramfs-tools/modules"
chroot "$guest" update-initramfs -u > "$cache/initramfs.log" 2>&1
cp "$guest"/boot/vmlinuz-* "$cache/vmlinuz"
cp "$guest"/boot/initrd.img-* "$cache/initrd"

# The guest's Python may differ from this machine's, so its packages are resolved for the guest.
"$root/.venv/bin/uv" pip install --quiet --target "$guest/opt/site" --python-version 3.11 \
    --python-platform x86_64-unknown-linux-gnu --only-binary :all: --no-deps --require-hashes -r "$root/locks/dev.txt" \
    || fail "安装 Python 包失败 / installing the guest's Python packages failed (see above)."
# What runs in the guest comes with the checkout, on a disk of its own.
printf '#!/bin/sh\nmount -t devtmpfs dev /dev 2>/dev/null\nmount -o ro /dev/vdb /cunmai\nexec /cunmai/src/tests/bluez/init.sh\n' \
    > "$guest/cunmai-init"
chmod 755 "$guest/cunmai-init"

rm -rf "$guest"/var/cache/apt "$guest"/var/lib/apt/lists "$guest"/usr/share/doc "$guest"/usr/share/locale \
    "$guest"/boot/initrd.img-* "$guest"/opt/site/mypy "$guest"/opt/site/uv "$guest"/opt/site/bin
mkdir -p "$guest/cunmai"
size_mb=$(( $(du -sm "$guest" | cut -f1) + 200 ))
truncate -s "${size_mb}M" "$cache/root.ext4"
mke2fs -q -t ext4 -O ^has_journal -d "$guest" "$cache/root.ext4"
rm -rf "$guest"
fingerprint > "$cache/fingerprint"
