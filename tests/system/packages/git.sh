# A repository, a clone of it, work in both, and git's own judgement of the objects.
set -e
export HOME=/tmp GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z GIT_CONFIG_NOSYSTEM=1
mkdir /tmp/r; cd /tmp/r; git init -q -b main .
for i in 1 2 3 4 5; do
  mkdir d$i; for j in 1 2 3 4; do echo "file $i $j" > d$i/f$j; done
  ln -s f1 d$i/link; git add .; git commit -q -m "commit $i"
done
git log --oneline | cat
git clone -q /tmp/r /tmp/c; cd /tmp/c
git mv d1/f1 d1/g1; echo more >> d2/f2; chmod +x d3/f3; git commit -q -am "in the clone"; git push -q origin HEAD:other
git fsck --full; git gc -q; git fsck --full; git show --stat --format=%s | cat
cd /tmp/r; git checkout -q other; git status --short; cat d2/f2; stat -c %A d3/f3; readlink d3/link
git worktree add -q /tmp/w main; ls /tmp/w; git archive main | tar t | wc -l
git checkout -q -b side main; echo x > d1/f1; git commit -qam side; git merge -q -m merge other 2>&1 || git status --short
git repack -adq; git verify-pack -v .git/objects/pack/*.idx | grep -c ' blob '; git fsck --full; git rev-parse HEAD
