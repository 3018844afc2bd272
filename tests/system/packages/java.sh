# Java: a compiler of Java, itself in Java, makes the program; the program then runs.
java=/usr/lib/jvm/java-17-openjdk-amd64/bin/java
$java -cp /usr/share/java/eclipse-jdt-core.jar org.eclipse.jdt.internal.compiler.batch.Main -17 -proc:none -nowarn -d /tmp/classes /job/Job.java
echo "compiled $?"
$java -cp /tmp/classes Job
echo "ended $?"
